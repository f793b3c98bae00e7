"""A web server that answers as we like, with or without TLS: other products, refusals, authentication."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

INFO = {
    "name": "n",
    "cluster_name": "c",
    "version": {"number": "8.19.5", "build_flavor": "default", "lucene_version": "9.12.2"},
    "tagline": "You Know, for Search",
}
ELASTIC = {
    "x-elastic-product": "Elasticsearch",
    "content-type": "application/vnd.elasticsearch+json;compatible-with=8",
}


@dataclass(frozen=True)
class Answer:
    """What every request gets."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] | None = None


def refused(status: int, kind: str, reason: str) -> Answer:
    return Answer(
        {"error": {"type": kind, "reason": reason, "root_cause": []}, "status": status}, status, ELASTIC
    )


class Stub:
    """`with Stub(...)`: with `wanted`, requests without that Authorization header get a 401."""

    def __init__(self, answer: Answer, *, wanted: str | None = None, certificate: Path | None = None) -> None:
        self.seen: list[str] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                given = self.headers.get("authorization", "")
                stub.seen.append(given)
                said = answer
                if wanted is not None and given != wanted:
                    reason = f"unable to authenticate with provided credentials [{given}]"
                    said = refused(401, "security_exception", reason)
                body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                for name, value in (said.headers or {}).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that does not trust us hangs up."""

        self._http = Listener(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._http.server_address[1])
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Stub:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def make_certificate(file: Path, host: str = "127.0.0.1") -> str:
    """Self-signed, with its key in the same PEM file; returns its SHA-256 as hexadecimal digits."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stub")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
