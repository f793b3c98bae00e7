"""One file per format: a new one is one new module here with a function `read`; `corpus/formats.py` finds it."""
