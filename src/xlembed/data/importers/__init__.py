"""One file per format: a new one is one new module here with a function `read`; `data/importing.py` finds it."""
