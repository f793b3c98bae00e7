"""Search engines: a file each, called like `index.engine`, with an `ENGINE`."""
