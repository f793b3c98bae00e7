"""Corpora: reading, checking and writing tasks (documents, queries, judgements); layout: docs/data.md."""
