"""Let an Elasticsearch alias point to a checked index, or back."""
