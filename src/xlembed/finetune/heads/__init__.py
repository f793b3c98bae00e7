"""One head per file: each defines `HEAD`; see `finetune/head.py`."""
