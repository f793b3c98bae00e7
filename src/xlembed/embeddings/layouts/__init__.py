"""Files of vectors, and servers that hold them: one module per layout, which defines `LAYOUT`."""
