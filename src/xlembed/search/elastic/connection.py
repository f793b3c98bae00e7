"""The door to a server: where it is, who we are, and what to say when it does not open."""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import elasticsearch
from dotenv import dotenv_values
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, UnsupportedProductError

from xlembed.words import UserError

ENVIRONMENT = (
    "XLEMBED_ES_URL",
    "XLEMBED_ES_API_KEY",
    "XLEMBED_ES_USER",
    "XLEMBED_ES_PASSWORD",
    "XLEMBED_ES_CA_CERT",
    "XLEMBED_ES_FINGERPRINT",
)
"""Variables that describe a connection; also read from the ignored file `.env` of the checkout."""
REQUEST_SECONDS = 120
OLDEST = (8, 12)
"""Oldest server: int8_hnsw came with it."""
CONNECTIONS = 32


@dataclass(frozen=True)
class Server:
    """An open connection.

    Attributes:
        client: retries nothing by itself but to ask another node: what may be sent again is decided where it is sent.
        version: (major, minor).
        number: version in the server's words.
        url: without credentials, for messages.
        patience: seconds for which trouble that may pass is waited out (`trouble.ask`).
    """

    client: Elasticsearch
    version: tuple[int, int]
    number: str
    url: str
    patience: float = 0.0


def connect(url: str | None = None, root: Path = Path()) -> Server:
    """Open the connection that the environment describes.

    Args:
        url: one address or several, comma-separated, instead of XLEMBED_ES_URL.
        root: the checkout, whose `.env` is read for what the environment lacks.

    Raises:
        UserError: no address, or nothing usable answers; says what to do, and never holds a secret.
    """
    given = read_environment(os.environ, root)
    urls = [part.strip() for part in (url or given.get("XLEMBED_ES_URL", "")).split(",") if part.strip()]
    if not urls:
        raise UserError(
            "no Elasticsearch server: set XLEMBED_ES_URL (for example http://localhost:9200) or give --es-url"
        )
    shown = ", ".join(checked_url(part) for part in urls)
    client = _client(urls, given, shown)
    # A line for each failed request, in the midst of a progress bar; what they come to is told by whoever asked.
    logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
    try:
        info = client.info()
    except (ApiError, TransportError, UnsupportedProductError) as error:
        raise refusal(error, shown) from None
    told = info.body.get("version") if isinstance(info.body, dict) else None
    number = str(told.get("number", "")) if isinstance(told, dict) else ""
    match = re.match(r"(\d+)\.(\d+)", number)
    if not match:
        raise UserError(f"{shown}: something answers, but it is no Elasticsearch; check the port")
    version = int(match[1]), int(match[2])
    if version < OLDEST:
        raise UserError(f"{shown}: Elasticsearch {number} is too old; 8.12 or newer is needed")
    return Server(client, version, number, shown)


def read_environment(environment: Mapping[str, str], root: Path) -> dict[str, str]:
    """The connection's variables: the environment's, then those of `.env`; empty ones are unset."""
    file = root / ".env"
    from_file = dotenv_values(file) if file.is_file() else {}
    values = {name: environment.get(name) or from_file.get(name) or "" for name in ENVIRONMENT}
    return {name: value for name, value in values.items() if value}


def checked_url(url: str) -> str:
    """The address itself, if it may be shown.

    Raises:
        UserError: it is no address, or holds a name or password, which would be printed and recorded.
    """
    if "@" in url:  # also where the scheme was forgotten, so that the parts would not be told apart
        raise UserError(
            "the Elasticsearch address holds a user name or password; leave them out and set "
            "XLEMBED_ES_USER and XLEMBED_ES_PASSWORD, or XLEMBED_ES_API_KEY"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UserError("the Elasticsearch address is not a URL: expected http(s)://host:port") from None
    if parts.query or parts.fragment:
        raise UserError("the Elasticsearch address has a query part: expected http(s)://host:port")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{url!r}: expected http(s)://host:port")
    return url if port else f"{url.rstrip('/')}:{443 if parts.scheme == 'https' else 9200}"


def _client(urls: list[str], given: Mapping[str, str], shown: str) -> Elasticsearch:
    key, user, password = (given.get(f"XLEMBED_ES_{part}") for part in ("API_KEY", "USER", "PASSWORD"))
    if key and (user or password):
        raise UserError("set either XLEMBED_ES_API_KEY or XLEMBED_ES_USER and XLEMBED_ES_PASSWORD, not both")
    if bool(user) != bool(password):
        raise UserError("XLEMBED_ES_USER and XLEMBED_ES_PASSWORD belong together: one of them is not set")
    for part in ("API_KEY", "USER", "PASSWORD"):
        value = given.get(f"XLEMBED_ES_{part}", "")
        # Such a key would come back in the exception of whoever builds the header.
        if any(ord(char) < 32 or ord(char) == 127 for char in value) or (
            part == "API_KEY" and not value.isascii()
        ):
            raise UserError(f"XLEMBED_ES_{part} holds characters that no header can carry (a line break?)")
    tls: dict[str, str] = {}
    if ca := given.get("XLEMBED_ES_CA_CERT"):
        if not Path(ca).is_file():
            raise UserError(f"XLEMBED_ES_CA_CERT: {ca} does not exist")
        tls["ca_certs"] = ca
    if fingerprint := given.get("XLEMBED_ES_FINGERPRINT"):
        tls["ssl_assert_fingerprint"] = fingerprint
    if tls and not all(url.startswith("https:") for url in urls):
        raise UserError(f"{shown}: a certificate is given, but the address is not https")
    nodes = list(dict.fromkeys(checked_url(url).rstrip("/") for url in urls))
    try:
        return Elasticsearch(
            nodes,
            api_key=key,
            # Encoded here, because the client takes no letters beyond ASCII.
            basic_auth=base64.b64encode(f"{user}:{password}".encode()).decode() if user else None,
            request_timeout=REQUEST_SECONDS,
            max_retries=len(nodes) - 1,  # the other nodes, if one cannot be reached
            retry_on_status=(),
            retry_on_timeout=False,
            connections_per_node=CONNECTIONS,
            serializer=OrjsonSerializer(),
            **tls,  # type: ignore[arg-type]
        )
    except (ValueError, OSError):  # OSError: a file that is no certificate
        raise UserError(
            f"{shown}: the connection's settings are not usable: check XLEMBED_ES_CA_CERT (a PEM file) and "
            "XLEMBED_ES_FINGERPRINT (SHA-256, 64 hexadecimal digits)"
        ) from None


def refusal(error: Exception, shown: str) -> UserError:
    """A server's or the network's refusal, in words that say what to do."""
    if isinstance(error, UnsupportedProductError):
        return UserError(
            f"{shown}: something answers that is not Elasticsearch (OpenSearch, a proxy, another service); "
            "check the address and port"
        )
    if isinstance(error, TlsError) and not distrusted(error):
        return UserError(
            f"{shown}: no TLS connection ({_short(error.message)}); is the address http:// rather than https://?"
        )
    if isinstance(error, TlsError):
        return UserError(
            f"{shown}: the server's certificate is not trusted ({_short(error.message)}); set "
            "XLEMBED_ES_CA_CERT to the authority's file or XLEMBED_ES_FINGERPRINT to the certificate's SHA-256"
        )
    if isinstance(error, ConnectionTimeout):
        return UserError(f"{shown}: the server did not answer in time")
    if isinstance(error, TransportError):
        return UserError(
            f"{shown}: no Elasticsearch server answers ({_short(error.message)}); is it running?"
        )
    if not isinstance(error, ApiError):
        return UserError(f"{shown}: {type(error).__name__}")
    kind, reason = cause(error.body)
    if words := barred(error.status_code, kind, reason, shown):
        return words
    if kind == "media_type_header_exception":
        client = ".".join(map(str, elasticsearch.__version__[:2]))
        return UserError(
            f"{shown}: this server does not accept the {client} client's requests ({reason}); client and server "
            "must be of one major version, or the client the older: pip install 'elasticsearch>=8.19,<9'"
        )
    if not kind and error.status_code in (413, 429, 502, 503, 504):
        return UserError(
            f"{shown}: answered {error.status_code} without Elasticsearch's words; something before it (a proxy) says "
            "that it is away, busy or asked for too much: try again, or check the address and port"
        )
    if not kind:
        return UserError(
            f"{shown}: answered {error.status_code}, but not as Elasticsearch does; check the address and port"
        )
    return UserError(f"{shown}: {error.status_code} {kind}: {reason}")


def barred(status: int, kind: str, reason: str, shown: str) -> UserError | None:
    """Words for what an operator must mend, of a whole request or of one of its documents; None for anything else."""
    if is_disk_full(kind, reason):
        return disk_full(shown)
    if status == 401:
        return UserError(
            f"{shown}: 401, not authenticated; set XLEMBED_ES_API_KEY, or XLEMBED_ES_USER and XLEMBED_ES_PASSWORD"
        )
    if kind == "cluster_block_exception" and status != 503:
        return UserError(
            f"{shown}: the index is read-only ({reason}); lift the block and run the command again"
        )
    if status == 403:
        return UserError(f"{shown}: 403, a privilege is missing: {reason or 'forbidden'}")
    return None


def distrusted(error: TlsError) -> bool:
    """Whether the certificate is to blame; any other trouble with TLS may be a line that broke."""
    words = str(error.message).lower()
    return any(word in words for word in ("certificate", "fingerprint", "hostname", "unknown ca"))


def is_disk_full(kind: str, reason: str) -> bool:
    """Whether an error is the block that a full disk sets (a 429 today, a 403 on older servers)."""
    return kind == "cluster_block_exception" and (
        "flood-stage" in reason or "read-only-allow-delete" in reason
    )


def disk_full(shown: str, free: str = "") -> UserError:
    """What to do about a full disk; `free` is a part of a sentence that begins with a comma."""
    return UserError(
        f"{shown}: the disk is full (flood stage){free}; the index is read-only until space is freed. What was "
        "written is kept: free space, wait until the server lifts the block, and run the same command again"
    )


def cause(body: object) -> tuple[str, str]:
    """(type, reason) of an error answer, the innermost known; empty if it is not Elasticsearch's form."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return "error", error
    if not isinstance(error, dict):
        return "", ""
    kind, reason = str(error.get("type", "")), str(error.get("reason", ""))
    inner = error.get("caused_by")
    if isinstance(inner, dict) and inner.get("reason"):
        reason = f"{reason}: {inner['reason']}"
    roots = error.get("root_cause")
    if isinstance(roots, list) and roots and isinstance(roots[0], dict):
        root = str(roots[0].get("reason", ""))  # of "all shards failed", the first one's
        reason = reason if root in reason else f"{reason}: {root}"
    return kind, reason


def _short(message: object) -> str:
    text = str(message)
    return text if len(text) <= 200 else f"{text[:200]}..."
