"""What Elasticsearch index settings cost, and which to take."""
