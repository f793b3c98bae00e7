"""The catalogue of models, and turning one of them into an encoder that is used correctly."""
