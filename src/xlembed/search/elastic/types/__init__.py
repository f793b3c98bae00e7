"""Types of vector indices: a file each, called like the type, with a `TYPE`."""
