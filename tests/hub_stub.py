"""A Hub on 127.0.0.1 that the real client talks to: folders as repositories, and what may go wrong on the way.

Repositories of data are the folders datasets/OWNER/NAME.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

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

    def tree(self, repo: str, below: str = "") -> list[dict[str, object]]:
        """All files below a folder, in one list, as a recursive request asks."""
        entries: list[dict[str, object]] = []
        for file in sorted(p for p in (self.root / repo / below).rglob("*") if p.is_file()):
            path, size = file.relative_to(self.root / repo).as_posix(), file.stat().st_size
            entry: dict[str, object] = {"type": "file", "path": path, "size": size, "oid": "0" * 40}
            if path.endswith(LARGE):
                entry["lfs"] = {"oid": self.etag(repo, path), "size": size, "pointerSize": 130}
            else:
                entry["oid"] = self.etag(repo, path)
            entries.append(entry)
        return entries

    def write_rows(
        self,
        repo: str,
        configs: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]],
        ending: str = "jsonl",
    ) -> None:
        """A repository of data: configuration -> split -> rows, in a card and a file each."""
        folder, listed = self.repository(f"datasets/{repo}"), []
        for config, splits in configs.items():
            files = []
            for split, rows in splits.items():
                path = folder / config / f"{split}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                if ending == "parquet":
                    pq.write_table(pa.Table.from_pylist(list(rows)), path)
                else:
                    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                    path.write_text("".join(lines), encoding="utf-8")
                files.append({"split": split, "path": f"{config}/{path.name}"})
            listed.append({"config_name": config, "data_files": files})
        (folder / "README.md").write_text(
            f"---\n{yaml.safe_dump({'configs': listed})}---\n", encoding="utf-8"
        )

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


@contextmanager
def client_of(hub: Hub) -> Iterator[None]:
    """The real clients of this process talk to it, while it serves."""
    from huggingface_hub import HfFileSystem

    with hub.serving() as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr("huggingface_hub.constants.ENDPOINT", address)
        patch.setattr("datasets.config.HF_ENDPOINT", address)
        patch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        patch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
        HfFileSystem.clear_instance_cache()
        yield
    HfFileSystem.clear_instance_cache()


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
        if found := re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)/(revision|tree)/([^/]+)/?(.*)", path):
            repo = found[2] if found[1] == "models" else f"datasets/{found[2]}"
            if not self.hub.repository(repo).is_dir():
                return self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            about = {"id": found[2], "sha": found[4] if len(found[4]) == 40 else COMMIT, "siblings": []}
            return self._json(self.hub.tree(repo, found[5]) if found[3] == "tree" else about)
        if found := re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(found[1], found[2], found[3])
        return self._json({"error": "not here"}, 404)

    def do_POST(self) -> None:
        """What lies at some paths: files only, as the stub has no folders of its own."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/[^/]+", self.path.replace("%2F", "/"))
        if not found:
            return self._json({"error": "not here"}, 404)
        entries = self.hub.tree(f"datasets/{found[1]}")
        return self._json([entry for entry in entries if entry["path"] in asked["paths"]])

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
