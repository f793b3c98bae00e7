"""How results are shown: one Grid and its writers, the kinds of figure, and words about numbers."""
