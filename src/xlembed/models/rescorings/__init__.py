"""One way per file to merge the rankings of the languages: each defines `RESCORING`; see `models/rescoring.py`."""
