"""Which of the evaluated models to take for a use, and how sure that is."""
