"""A proxy on loopback that loses, breaks and delays what passes through it."""

from __future__ import annotations

import contextlib
import enum
import http.client
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Fault(enum.Enum):
    """What becomes of one request."""

    BAD_GATEWAY = "502 from the proxy; the server never hears of it"
    UNAVAILABLE = "503 although the server did what was asked"
    RESET_BEFORE = "the connection is reset before the server hears of it"
    RESET_AFTER = "the connection is reset after the server did what was asked"
    HALF_AN_ANSWER = "the answer's second half never comes"
    CUT_JSON = "a whole answer that holds half of the JSON"
    TOO_LATE = "the server did it, and the answer comes after the client has gone"


Choose = Callable[[int, str, str], Fault | None]
"""(number of the request from 0, method, path) -> what becomes of it."""


def every(n: int, fault: Fault) -> Choose:
    """Each n-th request of every kind, the second first: what is tried again must not meet its fault for ever."""
    return lambda number, method, path: fault if number % n == 1 else None


class Proxy:
    """Between client and server; `with` starts and ends it."""

    def __init__(self, target_port: int, choose: Choose, late_seconds: float = 1.5) -> None:
        self.counts: Counter[Fault | None] = Counter()
        self._lock, self._number = threading.Lock(), 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                with proxy._lock:
                    fault = choose(proxy._number, self.command, self.path)
                    proxy._number += 1
                    proxy.counts[fault] += 1
                with contextlib.suppress(OSError):
                    self.answer(fault, body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def answer(self, fault: Fault | None, body: bytes) -> None:
                if fault is Fault.RESET_BEFORE:
                    return self.reset()
                if fault is Fault.BAD_GATEWAY:
                    return self.send(502, {"content-type": "text/html"}, b"<html>502 Bad Gateway</html>")
                status, headers, content = self.forward(body)
                if fault is Fault.UNAVAILABLE:
                    return self.send(503, {"content-type": "text/html"}, b"<html>503</html>")
                if fault is Fault.RESET_AFTER:
                    return self.reset()
                if fault is Fault.TOO_LATE:
                    time.sleep(late_seconds)
                if fault is Fault.CUT_JSON:
                    content = content[: len(content) // 2]
                self.send(status, headers, content, half=fault is Fault.HALF_AN_ANSWER)

            def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                upstream = http.client.HTTPConnection("127.0.0.1", target_port, timeout=60)
                try:
                    headers = {
                        k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")
                    }
                    upstream.request(self.command, self.path, body or None, headers)
                    response = upstream.getresponse()
                    kept = ("content-type", "x-elastic-product")
                    found = {k: v for k, v in response.getheaders() if k.lower() in kept}
                    return response.status, found, response.read()
                finally:
                    upstream.close()

            def send(
                self, status: int, headers: dict[str, str], content: bytes, *, half: bool = False
            ) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[: len(content) // 2] if half else content)
                self.wfile.flush()
                self.close_connection = self.close_connection or half

            def reset(self) -> None:
                """RST instead of FIN."""
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Broken connections are what this is for."""

        self._http = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
