"""What `voiced bench understanding` does: sentences to the skill that takes them, and what came of each.

`cases.py` reads the sentences (`sentences/`, or a user's own file), `house.py` makes the house that they
speak of, `slips.py` the errors of a recogniser, `scoring.py` says what came of each, `figures.py` sums it
up.
"""
