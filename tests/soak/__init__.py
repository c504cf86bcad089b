"""Simulated days through the real pipeline: `python -m tests.soak --help`.

A person (`person.py`, what they do in `acts.py`) lives with an assistant (`house.py`) of which only the
engines and the sound card are not real. They know what they asked and what must be answered; what nobody
heard in the speaker's sound counts as lost (`tally.py`). What the process holds on to is counted meanwhile
(`usage.py`).
"""
