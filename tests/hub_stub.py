"""A Hub on 127.0.0.1 that the real client talks to: folders as repositories, and what may go wrong on the way."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""What every branch points at."""
LARGE = (".bin", ".safetensors", ".pt", ".model")
"""Kept as large files: the Hub knows their sha256. Others have a Git hash."""


class Hub:
    """Repositories are the folders OWNER/NAME below `root`, in whatever revision is asked for.

    Attributes:
        fetched: files that were sent, `owner/name/path`.
        cut: file -> how many more times its transfer breaks off in the middle.
        told_sha256: file -> what is told instead of its true sha256.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fetched: list[str] = []
        self.cut: dict[str, int] = {}
        self.told_sha256: dict[str, str] = {}

    def repository(self, repo: str) -> Path:
        """The folder to fill."""
        return self.root / repo

    def etag(self, repo: str, path: str) -> str:
        content = (self.root / repo / path).read_bytes()
        if path.endswith(LARGE):
            return self.told_sha256.get(f"{repo}/{path}") or hashlib.sha256(content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

    def tree(self, repo: str) -> list[dict[str, object]]:
        entries: list[dict[str, object]] = []
        for file in sorted(p for p in (self.root / repo).rglob("*") if p.is_file()):
            path, size = file.relative_to(self.root / repo).as_posix(), file.stat().st_size
            entry: dict[str, object] = {"type": "file", "path": path, "size": size, "oid": "0" * 40}
            if path.endswith(LARGE):
                entry["lfs"] = {"oid": self.etag(repo, path), "size": size, "pointerSize": 130}
            else:
                entry["oid"] = self.etag(repo, path)
            entries.append(entry)
        return entries

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its address, as HF_ENDPOINT."""
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].replace("%2F", "/")
        if path == "/":
            return self._json({})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/(.+)", path):
            if not self.hub.repository(found[1]).is_dir():
                return self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            about = {"id": found[1], "sha": found[3] if len(found[3]) == 40 else COMMIT, "siblings": []}
            return self._json(self.hub.tree(found[1]) if found[2] == "tree" else about)
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(found[1], found[2], found[3])
        return self._json({"error": "not here"}, 404)

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _file(self, repo: str, revision: str, path: str) -> None:
        file = self.hub.repository(repo) / path
        if not file.is_file():
            return self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        content, name = file.read_bytes(), f"{repo}/{path}"
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("X-Repo-Commit", revision if len(revision) == 40 else COMMIT)
        self.send_header("ETag", f'"{self.hub.etag(repo, path)}"')
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cut.get(name, 0) > 0:
            self.hub.cut[name] -= 1
            self.wfile.write(content[start : start + (len(content) - start) // 2])
            self.close_connection = True
            return
        self.hub.fetched.append(name)
        self.wfile.write(content[start:])
