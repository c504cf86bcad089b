"""What `voiced bench turns` does: spoken dialogues through the whole pipeline, and the figures of them.

A person (`person.py`, voices from `cast.py`) talks to the real pipeline on a simulated sound card, at the
pace of real time; `scenes/` say what happens, the recording of the card says what came of it
(`scoring.py`), and `figures.py` sums it up. `reference.py` is what it is measured against.
"""
