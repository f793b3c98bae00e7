"""Tasks, training pairs and scored texts: reading, checking and writing them; layout: docs/data.md."""
