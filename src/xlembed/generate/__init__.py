"""Study: questions about documents, written and translated by a language model."""
