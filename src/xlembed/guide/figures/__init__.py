"""Figures of models ranked for a use (`guides`) and of all that is known of them (`profiles`)."""
