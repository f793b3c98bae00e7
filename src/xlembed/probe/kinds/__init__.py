"""One way of learning per file: each defines `PROBE`."""
