"""Layouts of public sets, a file each with a function `read`: rows of `datasets` in, our rows out."""
