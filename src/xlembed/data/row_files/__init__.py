"""Readers of files of rows, one module per suffix: `read(file, problems, numbered, encoding) -> list[Table]`."""
