"""Language separation, similarity between languages, projections, morphology, tokenisation, sanity of vectors.

Pure functions on arrays; `job.py` brings texts, vectors and settings.
"""
