"""The door: every way in, and what is said where it stays shut; never a secret."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import ApiError

from elastic_node import Node, free_port
from search.elastic.stub import ELASTIC, INFO, Answer, Stub, basic, make_certificate, refused
from xlembed.search.elastic.connection import ENVIRONMENT, checked_url, connect, read_environment
from xlembed.words import UserError

SECRET = "Geheim-Wort-7"
GOOD = Answer(INFO, headers=ELASTIC)


def refusal(url: str | None = None, root: Path = Path("/nonexistent")) -> str:
    """The message, after a look for the secret in all that a user or a log might see."""
    with pytest.raises(UserError) as caught:
        connect(url, root)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET not in shown and basic("", SECRET)[6:] not in shown
    return str(caught.value)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    file = tmp_path_factory.mktemp("tls") / "stub.pem"
    return file, make_certificate(file)


# The real server


def test_the_real_server(node: Node) -> None:
    server = connect(node.url)
    assert (server.version, server.number, server.url) == ((8, 19), "8.19.5", node.url)


def test_an_address_without_a_scheme_or_with_tls_where_there_is_none(node: Node) -> None:
    assert "expected http(s)://host:port" in refusal(f"127.0.0.1:{node.port}")
    assert "is the address http:// rather than https://?" in refusal(f"https://127.0.0.1:{node.port}")


# Where it is


def test_no_address() -> None:
    assert "set XLEMBED_ES_URL" in refusal()
    assert "set XLEMBED_ES_URL" in refusal("  ,")


def test_no_server() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert refusal(url).startswith(f"{url}: no Elasticsearch server answers") and "is it running?" in refusal(
        url
    )
    assert "no Elasticsearch server answers" in refusal("http://no-such-host.invalid:9200")


def test_the_address_and_its_parts_come_from_environment_then_file(
    tmp_path: Path, environ: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"XLEMBED_ES_URL=http://file:1\nXLEMBED_ES_API_KEY='{SECRET}'\nOTHER=1\n")
    environ.setenv("XLEMBED_ES_URL", "http://environment:1")
    environ.setenv("XLEMBED_ES_USER", "")  # empty is unset
    import os

    assert read_environment(os.environ, tmp_path) == {
        "XLEMBED_ES_URL": "http://environment:1",
        "XLEMBED_ES_API_KEY": SECRET,
    }
    environ.delenv("XLEMBED_ES_URL")
    with Stub(GOOD, wanted=f"ApiKey {SECRET}") as stub:
        assert connect(stub.url, tmp_path).number == "8.19.5"
        (tmp_path / ".env").write_text(f"XLEMBED_ES_URL={stub.url}\nXLEMBED_ES_API_KEY={SECRET}\n")
        assert connect(None, tmp_path).url == stub.url


def test_several_addresses_the_first_of_which_is_silent(node: Node) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    server = connect(f"{dead}, {node.url}, {node.url}/")
    assert server.number == "8.19.5" and server.url == f"{dead}, {node.url}, {node.url}/"
    for _ in range(4):
        assert server.client.count()["count"] >= 0
    assert "no Elasticsearch server answers" in refusal(f"{dead},http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    "url",
    [
        f"http://elastic:{SECRET}@host:9200",
        f"https://{SECRET}@host",
        f"elastic:{SECRET}@host:9200",  # the scheme was forgotten: a parser finds no password here
        f"http://elastic:{SECRET}@host:no-port",
        f"http://fine:9200,http://elastic:{SECRET}@host:9200",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    assert "holds a user name or password" in refusal(url)


def test_addresses() -> None:
    assert checked_url("http://host") == "http://host:9200"
    assert checked_url("https://host/") == "https://host:443"
    assert checked_url("https://host:9243/prefix") == "https://host:9243/prefix"
    for wrong in ("ftp://host", "host:9200", "http://", "http://host:port", f"http://host?api_key={SECRET}"):
        with pytest.raises(UserError) as caught:
            checked_url(wrong)
        assert SECRET not in str(caught.value)


# What answers


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            Answer(b"<html>hello</html>", headers={"content-type": "text/html"}),
            "something answers that is not",
        ),
        (Answer(b"not found", 404, {"content-type": "text/plain"}), "404, but not as Elasticsearch does"),
        (
            Answer(
                {"version": {"distribution": "opensearch", "number": "2.15.0"}},
                headers={"content-type": "application/json"},
            ),
            "something answers that is not Elasticsearch (OpenSearch",
        ),
        (Answer({"ok": 1}, headers=ELASTIC), "it is no Elasticsearch"),
        (Answer([1], headers=ELASTIC), "it is no Elasticsearch"),
        (Answer({**INFO, "version": {"number": "7.17.9"}}, headers=ELASTIC), "7.17.9 is too old"),
        (Answer(b"{", headers=ELASTIC), "no Elasticsearch server answers"),
        (
            Answer(b"<html>", 503, {"content-type": "text/html"}),
            "answered 503 without Elasticsearch's words; something before it (a proxy) says that it is away",
        ),
        (
            refused(401, "security_exception", "missing credentials"),
            "401, not authenticated; set XLEMBED_ES_API",
        ),
        (
            refused(403, "security_exception", "action [cluster:monitor/main] is unauthorized"),
            "403, a privilege is missing: action [cluster:monitor/main] is unauthorized",
        ),
        (
            refused(
                400,
                "media_type_header_exception",
                "Accept version must be either version 10 or 9, but found 8",
            ),
            "does not accept the 8.19 client's requests (Accept version must be either version 10 or 9, but found 8)",
        ),
        (refused(500, "odd_exception", "broken"), "500 odd_exception: broken"),
    ],
)
def test_whatever_else_answers(answer: Answer, message: str) -> None:
    with Stub(answer) as stub:
        assert message in refusal(stub.url)


@contextlib.contextmanager
def talker(words: bytes) -> Iterator[str]:
    """A port where something says a few words and hangs up: another service, or nothing like HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    with line:
                        line.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("words", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ready\r\n", b"\x00\x01"])
def test_a_port_where_something_else_talks(words: bytes) -> None:
    with talker(words) as url:
        assert "no Elasticsearch server answers" in refusal(url)


# Who we are


def test_api_key(environ: pytest.MonkeyPatch) -> None:
    with Stub(GOOD, wanted=f"ApiKey {SECRET}") as stub:
        environ.setenv("XLEMBED_ES_API_KEY", SECRET)
        server = connect(stub.url)
        assert SECRET not in repr(server) + str(server.client)
        environ.setenv("XLEMBED_ES_API_KEY", f"{SECRET}x")
        assert "401, not authenticated" in refusal(stub.url)


def test_user_and_password(environ: pytest.MonkeyPatch) -> None:
    with Stub(GOOD, wanted=basic("elastic", f"{SECRET}-ü")) as stub:
        environ.setenv("XLEMBED_ES_USER", "elastic")
        assert "belong together" in refusal(stub.url)
        environ.setenv("XLEMBED_ES_PASSWORD", f"{SECRET}-ü")
        assert connect(stub.url).number == "8.19.5"
        environ.setenv("XLEMBED_ES_PASSWORD", SECRET)
        assert "401, not authenticated" in refusal(stub.url)
        environ.setenv("XLEMBED_ES_API_KEY", SECRET)
        assert "not both" in refusal(stub.url)


@pytest.mark.parametrize("key", [f"{SECRET}\nx", f"{SECRET}\r\n", f"{SECRET}-ü"])
def test_a_key_that_no_header_can_carry(environ: pytest.MonkeyPatch, key: str) -> None:
    """It would come back in the exception of the HTTP library."""
    environ.setenv("XLEMBED_ES_API_KEY", key)
    with Stub(GOOD) as stub:
        assert "XLEMBED_ES_API_KEY holds characters that no header can carry" in refusal(stub.url)
        assert stub.seen == []


# TLS


def test_certificates_are_verified(certificate: tuple[Path, str]) -> None:
    with Stub(GOOD, certificate=certificate[0]) as stub:
        message = refusal(stub.url)
    assert "certificate is not trusted" in message and "XLEMBED_ES_CA_CERT" in message and stub.seen == []


def test_ca_file(certificate: tuple[Path, str], environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Stub(GOOD, certificate=certificate[0], wanted=f"ApiKey {SECRET}") as stub:
        environ.setenv("XLEMBED_ES_API_KEY", SECRET)
        environ.setenv("XLEMBED_ES_CA_CERT", str(certificate[0]))
        assert connect(stub.url).url == stub.url
        make_certificate(tmp_path / "other.pem")
        environ.setenv("XLEMBED_ES_CA_CERT", str(tmp_path / "other.pem"))
        assert "certificate is not trusted" in refusal(stub.url)
        (tmp_path / "no.pem").write_text("nothing")
        environ.setenv("XLEMBED_ES_CA_CERT", str(tmp_path / "no.pem"))
        assert "XLEMBED_ES_CA_CERT" in refusal(stub.url)
        environ.setenv("XLEMBED_ES_CA_CERT", str(tmp_path / "missing.pem"))
        assert "missing.pem does not exist" in refusal(stub.url)
    assert stub.seen == [f"ApiKey {SECRET}"]  # the secret went only to whom we trust


def test_a_certificate_for_another_host(tmp_path: Path, environ: pytest.MonkeyPatch) -> None:
    make_certificate(tmp_path / "other.pem", "127.0.0.9")
    environ.setenv("XLEMBED_ES_CA_CERT", str(tmp_path / "other.pem"))
    with Stub(GOOD, certificate=tmp_path / "other.pem") as stub:
        assert "certificate is not trusted" in refusal(stub.url)


def test_fingerprint(certificate: tuple[Path, str], environ: pytest.MonkeyPatch) -> None:
    with Stub(GOOD, certificate=certificate[0], wanted=f"ApiKey {SECRET}") as stub:
        environ.setenv("XLEMBED_ES_API_KEY", SECRET)
        environ.setenv("XLEMBED_ES_FINGERPRINT", certificate[1])
        assert connect(stub.url).url == stub.url
        pairs = ":".join(certificate[1][i : i + 2].upper() for i in range(0, 64, 2))
        environ.setenv("XLEMBED_ES_FINGERPRINT", pairs)  # as the server prints it
        assert connect(stub.url).url == stub.url
        environ.setenv("XLEMBED_ES_FINGERPRINT", "00" * 32)
        assert "certificate is not trusted" in refusal(stub.url)
        environ.setenv("XLEMBED_ES_FINGERPRINT", "abc")
        assert "XLEMBED_ES_FINGERPRINT" in refusal(stub.url)
    assert len(stub.seen) == 2


def test_tls_settings_without_tls(certificate: tuple[Path, str], environ: pytest.MonkeyPatch) -> None:
    environ.setenv("XLEMBED_ES_FINGERPRINT", certificate[1])
    assert "the address is not https" in refusal("http://127.0.0.1:9")


def test_plain_http_where_tls_is_spoken(certificate: tuple[Path, str]) -> None:
    with Stub(GOOD, certificate=certificate[0]) as stub:
        assert "no Elasticsearch server answers" in refusal(f"http://127.0.0.1:{stub.port}")


def test_every_variable_is_known() -> None:
    assert set(ENVIRONMENT) == {
        f"XLEMBED_ES_{part}" for part in ("URL", "API_KEY", "USER", "PASSWORD", "CA_CERT", "FINGERPRINT")
    }


# Later refusals


def test_a_read_only_cluster_and_a_missing_privilege_later_on() -> None:
    from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig

    from xlembed.search.elastic.connection import refusal as words

    def error(status: int, kind: str, reason: str) -> ApiError:
        meta = ApiResponseMeta(status, "1.1", HttpHeaders(), 0.1, NodeConfig("http", "h", 1))
        body: dict[str, Any] = {"error": {"type": kind, "reason": reason}, "status": status}
        return ApiError(kind, meta, body)

    block, flood = "cluster_block_exception", "disk usage exceeded flood-stage watermark"
    assert "disk is full" in str(words(error(429, block, flood), "u"))
    assert "disk is full" in str(
        words(error(403, block, "blocked by: [FORBIDDEN/12/index read-only-allow-delete]"), "u")
    )
    assert "read-only (index write (api))" in str(words(error(403, block, "index write (api)"), "u"))
    assert "503 cluster_block" in str(words(error(503, block, "blocked by: [no master]"), "u"))
    assert "a privilege is missing: no" in str(words(error(403, "security_exception", "no"), "u"))
