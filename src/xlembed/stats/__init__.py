"""Statistics: per-unit values in, named results out; see docs of each module for the method's source."""
