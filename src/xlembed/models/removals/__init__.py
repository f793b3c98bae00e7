"""One post-processing per file: each defines `METHOD`; see `models/removal.py`."""
