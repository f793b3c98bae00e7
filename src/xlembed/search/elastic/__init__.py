"""Elasticsearch as a vector engine; the only room that imports the `elasticsearch` client."""
