"""The skills that come with voiced, one a module."""
