"""Back ends of encoding: a file each, called like `encode.backend`, with a `BACKEND`: the workers for an assignment."""
