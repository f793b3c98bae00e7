"""An OpenAI-compatible endpoint on 127.0.0.1 that answers as told, and misbehaves as told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

Reply = dict[str, Any] | str | int | float
"""A JSON object, raw text, a status (with a short Retry-After), or seconds to wait before an ordinary answer."""


def chat(content: str | None, finish: str = "stop") -> dict[str, Any]:
    """An answer of /chat/completions."""
    message = {"role": "assistant", "content": content}
    return {
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10},
    }


@dataclass
class Stub:
    """Answers `answer(body)`, but first what `trouble` holds, in order.

    Attributes:
        answer: body -> reply.
        trouble: replies before that.
        asked: bodies, in order.
        keys: Authorization headers, in order.
        most: requests that were under way at once, at most.
    """

    answer: Callable[[dict[str, Any]], Reply]
    trouble: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    most: int = 0
    _now: int = 0
    _lock: Any = field(default_factory=Lock)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address."""
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with stub._lock:
                    stub.asked.append(body)
                    stub.keys.append(self.headers.get("Authorization", ""))
                    stub._now += 1
                    stub.most = max(stub.most, stub._now)
                    reply = stub.trouble.pop(0) if stub.trouble else stub.answer(body)
                if isinstance(reply, float):
                    time.sleep(reply)
                    reply = stub.answer(body)
                with stub._lock:
                    stub._now -= 1
                status = reply if isinstance(reply, int) else 200
                error = {"error": {"message": f"told to say {status} to {self.headers['Authorization']}"}}
                sent = error if isinstance(reply, int) else reply
                content = (sent if isinstance(sent, str) else json.dumps(sent)).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Retry-After-Ms", "5")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            server.server_close()
