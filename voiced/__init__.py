"""voiced: an offline voice assistant that hears, thinks and answers on the machine it runs on."""

__version__ = "0.1.0"
