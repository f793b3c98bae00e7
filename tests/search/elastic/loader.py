"""A load in a process of its own, so that it can be interrupted and killed: ``loader.py URL TASK N``."""

from __future__ import annotations

import sys

from elastic_node import plain_server
from search.elastic.material import FLAT, slowly, source, spec
from xlembed.search.elastic.builder import build


def main(url: str, task: str, n: int) -> None:
    what = source(n)
    build(
        slowly(plain_server(url), 0.01),
        spec(what, task),
        what,
        FLAT,
        watch=lambda _, done, total: print(done, flush=True),
        workers=2,
        request_bytes=4096,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
