"""Own modules of sentence-transformers folders; modules.json names them by their full path."""
