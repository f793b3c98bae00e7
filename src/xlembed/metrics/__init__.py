"""Retrieval measures: (ranks of the judged documents) -> one value per unit and measure."""
