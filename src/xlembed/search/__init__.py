"""Modes and units, engines (exact, BM25, Elasticsearch), fusion, re-ranking, rankings and run files."""
