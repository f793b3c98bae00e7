"""A collection on a Qdrant server, read page by page (scroll): http://HOST:PORT/collections/NAME."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from xlembed.embeddings.layout import ID_NAMES, ROLE_NAMES, Layout, Names, Table, stacked
from xlembed.words import Role, UserError

ADDRESS = re.compile(r"https?://[^/@?#]+(/[^?#]*)?/collections/[^/?#]+/?")
KEY = "QDRANT_API_KEY"
PAGE = 500
"""Points per request: 8 MB of JSON at 1,024 dimensions."""
SECONDS = 60
RETRIES = Retry(total=4, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None)


def read(source: str, role: Role, names: Names) -> Table:
    """Points whose payload says this role, or all where it says none.

    The id of a text is the payload's `id` (or what --id-field names), else the point's own.
    """
    ids, rows = [], []
    for point in _points(source.rstrip("/"), names):
        payload = point.get("payload") or {}
        said = next((payload[name] for name in ROLE_NAMES if name in payload), role.value)
        if said != role.value:
            continue
        told = names.id or any(name in payload for name in ID_NAMES)
        ids.append(str(payload[names.choose_id(payload, source)] if told else point.get("id")))
        rows.append(_vector(point, names, source))
    return Table(ids, stacked(rows, ids, source))


def _vector(point: dict[str, Any], names: Names, source: str) -> Any:
    vector = point.get("vector")
    if not isinstance(vector, dict):
        return vector
    if not names.vector and len(vector) == 1:
        return next(iter(vector.values()))
    return vector[names.choose_vector(vector, source)]


def _points(address: str, names: Names) -> Iterator[dict[str, Any]]:
    """All points of a collection.

    Raises:
        UserError: the server cannot be reached, refuses, or answers with something else.
    """
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=RETRIES))
        if key := os.environ.get(KEY):
            session.headers["api-key"] = key
        body: dict[str, Any] = {
            "limit": PAGE,
            "with_payload": True,
            "with_vector": [names.vector] if names.vector else True,
        }
        while True:
            page = _page(session, address, body)
            yield from page["points"]
            if page.get("next_page_offset") is None:
                return
            body["offset"] = page["next_page_offset"]


def _page(session: requests.Session, address: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = session.post(f"{address}/points/scroll", json=body, timeout=SECONDS, allow_redirects=False)
        if answer.status_code in (401, 403):
            raise UserError(f"{address}: the server asks for a key: set {KEY}")
        if answer.status_code != requests.codes.ok:
            raise UserError(f"{address}: the server answers {answer.status_code}: {answer.text[:200]}")
        found = answer.json()["result"]
        if not isinstance(found["points"], list):
            raise TypeError
    except requests.RequestException as error:
        if isinstance(error, requests.JSONDecodeError):
            raise UserError(f"{address}: the answer is no JSON; is it a Qdrant server?") from None
        raise UserError(f"{address}: no server answers ({type(error).__name__})") from None
    except (KeyError, TypeError):
        raise UserError(f"{address}: the answer has no result.points; is it a Qdrant server?") from None
    return dict(found)


LAYOUT = Layout("http://HOST:PORT/collections/NAME", lambda source: bool(ADDRESS.fullmatch(source)), read)
