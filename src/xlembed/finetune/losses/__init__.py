"""One loss per file: each defines `LOSS`, named like its file; see `finetune/loss.py`."""
