"""Results -> figures and tables; reads scores.json in memory, writes only what `style.save` is asked to."""
