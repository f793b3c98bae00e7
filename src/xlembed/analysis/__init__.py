"""Language separation, similarity between languages, morphology, tokenisation."""
