"""Whatever goes wrong on the way: the same command ends with exactly what an undisturbed load gives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elastic_node import Node
from search.elastic.conftest import MakeNode
from search.elastic.material import FLAT, assert_undisturbed, slowly, source, spec
from search.elastic.proxy import Fault, Proxy, every
from xlembed.data.task import Alignment, Task
from xlembed.search.elastic import loading, sealing, trouble
from xlembed.search.elastic.builder import LOADING, Built, build, index_state
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import IndexSpec
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.tasks import attach
from xlembed.words import UserError

N = 2000
PIECES = {"request_bytes": 4096, "workers": 2}
"""About 15 documents in a request."""
SMALL = {"request_bytes": 16 * 1024, "workers": 2}
TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of a tenth of a second rather than half a minute."""
    monkeypatch.setattr(loading, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(loading, "LONGEST_PAUSE", 0.4)
    monkeypatch.setattr(trouble, "LONGEST_PAUSE", 0.5)
    monkeypatch.setattr(sealing, "POLL_SECONDS", 0.1)


@pytest.fixture(scope="module")
def own(make_node: MakeNode) -> Node:
    """A node whose disk fills, whose power fails, and that is started again."""
    return make_node("cluster.info.update.interval=10s")


@contextmanager
def cluster_settings(server: Server, **settings: Any) -> Iterator[None]:
    server.client.cluster.put_settings(persistent=settings)
    try:
        yield
    finally:
        server.client.cluster.put_settings(persistent=dict.fromkeys(settings))


class Midway:
    """Does something once, when a part of the documents has been written."""

    def __init__(self, act: Callable[[], object], share: float = 0.1) -> None:
        self._act, self._share, self.at = act, share, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self.at and done > self._share * total:
            self.at = done
            self._act()


# Pressure


def test_requests_and_items_rejected_with_429(make_node: MakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexing pressure rejects whole requests; a full queue rejects items, shard by shard."""
    tight = make_node(
        "thread_pool.write.queue_size=1", "thread_pool.write.size=1", "indexing_pressure.memory.limit=200kb"
    )
    server, what = tight.server(), source(N)
    asked = FLAT.model_copy(update={"shards": 3})
    made = spec(what, "pressed", asked)
    seen: list[tuple[int, str]] = []

    def judge(status: int, kind: str, reason: str) -> trouble.Trouble:
        seen.append((status, kind))
        return real(status, kind, reason)

    real = loading.judge
    monkeypatch.setattr(loading, "judge", judge)  # of documents
    monkeypatch.setattr(trouble, "judge", judge)  # of whole requests
    built = build(server, made, what, asked, workers=8, request_bytes=300_000)
    assert built.report is not None and built.report.sent == N
    assert built.report.pressures > 0
    assert {(429, "es_rejected_execution_exception")} == set(seen)
    assert_undisturbed(server, made, what)
    tight.close()


def test_only_rejected_items_are_sent_again(node: Node) -> None:
    """Every third item of each first answer is rejected, as a full queue of one shard would."""
    server, what = node.server(), source(600)
    made = spec(what, "items")
    sent: list[str] = []
    real = server.client.bulk

    def bulk(operations: list[bytes], **kwargs: Any) -> Any:
        ids = [line.split(b'"')[5].decode() for line in operations[::2]]
        chosen = [i for i, doc_id in enumerate(ids) if int(doc_id[1:]) % 3 or doc_id in sent]
        sent.extend(ids)
        if not chosen:
            chosen = list(range(len(ids)))
        kept = [line for i in chosen for line in operations[2 * i : 2 * i + 2]]
        answer = real(operations=kept, **kwargs)
        items = dict(zip(chosen, answer.body["items"], strict=True))
        refusal = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "full"}}
        answer.body["items"] = [items.get(i, {"index": refusal}) for i in range(len(ids))]
        answer.body["errors"] = True
        return answer

    server.client.bulk = bulk  # type: ignore[method-assign]
    built = build(server, made, what, FLAT, request_bytes=16_000, workers=1)
    assert built.report is not None and built.report.sent == 600
    assert sorted(set(sent)) == [d.doc_id for d in what.documents]
    assert {doc_id for doc_id in sent if sent.count(doc_id) > 1} <= {f"d{i:05d}" for i in range(0, 600, 3)}
    assert_undisturbed(server, made, what)


def test_circuit_breaker(own: Node) -> None:
    """A request that is too big for the memory left is cut until it fits."""
    server, what = own.server(), source(N)
    made = spec(what, "breaker")
    with cluster_settings(server, **{"network.breaker.inflight_requests.limit": "150kb"}):
        built = build(server, made, what, FLAT, request_bytes=2**20)
    assert built.report is not None and built.report.pressures > 0
    assert_undisturbed(server, made, what)


def test_pressure_without_end_stops_after_a_while_and_resumes(own: Node) -> None:
    server, what = own.server(), source(N)
    made = spec(what, "crushed")
    with (
        cluster_settings(server, **{"network.breaker.inflight_requests.limit": "4kb"}),
        pytest.raises(
            UserError, match=r"took nothing for .* s \(429 circuit_breaking_exception\).*run the same"
        ),
    ):
        build(server, made, what, FLAT, patience=2.0, **SMALL)
    assert index_state(server, made) == LOADING
    build(server, made, what, FLAT)
    assert_undisturbed(server, made, what)


# Disk


def test_disk_full_and_its_release(own: Node) -> None:
    gate = threading.Event()
    gate.set()
    server, what = slowly(own.server(), 0.05, gate), source(N)
    made = spec(what, "flooded")
    marks = {
        f"cluster.routing.allocation.disk.watermark.{mark}": share
        for mark, share in (("low", "1%"), ("high", "2%"), ("flood_stage", "3%"))
    }

    def fill() -> None:
        gate.clear()  # the server looks at its disk every ten seconds only
        server.client.cluster.put_settings(persistent=marks)
        wait_for(lambda: is_blocked(server, made.name))
        gate.set()

    midway = Midway(fill)
    try:
        with pytest.raises(
            UserError, match=r"disk is full \(flood stage\), .* GB free of .* GB.*run the same"
        ) as full:
            build(server, made, what, FLAT, watch=midway, **PIECES)
        assert "free space" in str(full.value) and 0 < midway.at < N
        assert index_state(server, made) == LOADING
        with pytest.raises(UserError, match=r"disk is full \(flood stage\)"):  # still
            build(server, made, what, FLAT)
        other = spec(what, "flooded", copy="new")
        with pytest.raises(UserError, match=r"disk is full \(flood stage\)"):  # a new shard finds no place
            build(server, other, what, FLAT, patience=30)
    finally:
        server.client.cluster.put_settings(persistent=dict.fromkeys(marks))
    wait_for(lambda: not is_blocked(server, made.name))
    built = build(server, made, what, FLAT)
    assert built.report is not None and built.report.found >= midway.at
    assert_undisturbed(server, made, what)
    build(server, other, what, FLAT)
    assert_undisturbed(server, other, what)


def is_blocked(server: Server, name: str) -> bool:
    found = server.client.indices.get_settings(index=name, name="index.blocks.*").body
    return bool(found) and "read_only_allow_delete" in str(found)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the fault did not set in or lift"
        time.sleep(0.5)


# Restarts


@pytest.mark.parametrize("kill", [False, True], ids=["clean", "power-cut"])
def test_restart_in_mid_bulk_is_waited_out(own: Node, kill: bool) -> None:
    """The workers go on asking while the node is down, and again when it is back."""
    server, what = slowly(own.server(), 0.05), source(N)
    made = spec(what, "restarted", copy=str(kill))

    def restart() -> None:
        own.stop(kill=kill)
        own.start()

    midway = Midway(restart)
    built = build(server, made, what, FLAT, watch=midway, **PIECES)
    assert 0 < midway.at < N and built.report is not None and built.report.pressures > 0
    assert_undisturbed(server, made, what)


def test_power_cut_after_which_the_load_gave_up(own: Node) -> None:
    """Nothing answers for longer than we wait; later the same command goes on, also while shards recover."""
    server, what = slowly(own.server(), 0.02), source(N)
    made = spec(what, "gave-up")
    midway = Midway(lambda: own.stop(kill=True))
    try:
        with pytest.raises(UserError, match=r"took nothing for .*Connection.*run the same command"):
            build(server, made, what, FLAT, watch=midway, patience=1.0, **PIECES)
    finally:
        own.start()
    built = build(server, made, what, FLAT)
    # Acknowledged is on disk: not one document that was counted is lost.
    assert built.report is not None and built.report.found >= midway.at > 0
    assert_undisturbed(server, made, what)


def test_restart_while_the_index_is_sealed(own: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    server, what = own.server(), source(N)
    asked = FLAT.model_copy(update={"force_merge": True})
    made = spec(what, "sealed", asked)
    real = sealing.refresh
    restarted = threading.Event()

    def refresh(*args: Any) -> None:
        if not restarted.is_set():
            restarted.set()
            own.stop(kill=True)
            threading.Thread(target=own.start).start()
        real(*args)

    monkeypatch.setattr(sealing, "refresh", refresh)
    build(server, made, what, asked, **SMALL)
    wait_for(lambda: server.client.ping())
    assert restarted.is_set()
    assert_undisturbed(server, made, what)


def test_restart_between_the_searches_of_an_evaluation(own: Node) -> None:
    server, what = own.server(), source(100)
    made = spec(what, "searched")
    build(server, made, what, FLAT)
    task = Task("t", ("de",), Alignment.COMPARABLE, tuple(what.documents), (), {})
    index = attach(server, made.name, task, what.vectors, FLAT)
    before = index.search(what.vectors[:9], 5)
    own.stop(kill=True)
    starting = threading.Thread(target=own.start)
    starting.start()
    after = index.search(what.vectors[:9], 5)
    starting.join()
    assert (after.rows == before.rows).all() and (after.scores == before.scores).all()


# A bad line


def through(node: Node, proxy: Proxy, **options: Any) -> Server:
    return replace(node.server(proxy.url, **options))


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.TOO_LATE], ids=lambda f: f.name.lower())
def test_a_bad_line(node: Node, fault: Fault) -> None:
    """Every fourth request of any kind: creation, bulk, refresh, count, the manifest."""
    what = source(N)
    made = spec(what, "line", copy=fault.name)
    with Proxy(node.port, every(4, fault)) as proxy:
        built = build(through(node, proxy), made, what, FLAT, **SMALL)
        assert proxy.counts[fault] > 10
    assert built.report is not None and built.report.sent == N
    assert_undisturbed(node.server(), made, what)


@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.HALF_AN_ANSWER], ids=lambda f: f.name.lower())
def test_a_bad_line_while_resuming(node: Node, fault: Fault) -> None:
    what = source(N)
    made = spec(what, "resumed-line", copy=fault.name)
    interrupt_midway(node.server(), made, what)
    with Proxy(node.port, every(3, fault)) as proxy:
        built = build(through(node, proxy), made, what, FLAT, **SMALL)
        assert proxy.counts[fault] > 3
    assert built.report is not None and built.report.found + built.report.sent == N and built.report.found > 0
    assert_undisturbed(node.server(), made, what)


def test_answers_that_come_too_late(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "ANSWER_SECONDS", 1.0)
    what = source(N)
    made = spec(what, "late")
    with Proxy(node.port, every(12, Fault.TOO_LATE), late_seconds=2.0) as proxy:
        built = build(through(node, proxy, request_timeout=1.0), made, what, FLAT, **SMALL)
        assert proxy.counts[Fault.TOO_LATE] > 3
    assert built.report is not None and built.report.pressures > 0
    assert_undisturbed(node.server(), made, what)


def test_a_line_that_is_dead_gives_up_and_resumes(node: Node) -> None:
    what = source(N)
    made = spec(what, "dead")

    def choose(number: int, method: str, path: str) -> Fault | None:
        return Fault.BAD_GATEWAY if "_bulk" in path and number > 20 else None

    with (
        Proxy(node.port, choose) as proxy,
        pytest.raises(UserError, match=r"took nothing for .* s \(502\).*run the same command"),
    ):
        build(through(node, proxy), made, what, FLAT, patience=1.5, **SMALL)
    server = node.server()
    assert index_state(server, made) == LOADING
    built = build(server, made, what, FLAT)
    assert built.report is not None and built.report.found > 0 and built.report.sent > 0
    assert_undisturbed(server, made, what)


def interrupt_midway(server: Server, made: IndexSpec, what: Source) -> int:
    """A load that a Ctrl-C ends in this process: the documents written until then."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    midway = Midway(interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(slowly(server, 0.01), made, what, FLAT, watch=midway, **PIECES)
    assert 0 < midway.at < len(what.rows)
    return midway.at


# Our own end


def test_interrupted_twice_and_resumed_twice(node: Node) -> None:
    server, what = node.server(), source(N)
    made = spec(what, "interrupted")
    first = interrupt_midway(server, made, what)

    def interrupt() -> None:
        raise KeyboardInterrupt

    second = Midway(interrupt, 0.5)
    with pytest.raises(KeyboardInterrupt):
        build(server, made, what, FLAT, watch=second, **PIECES)
    assert second.at >= first
    built = build(server, made, what, FLAT)
    assert built.report is not None and N > built.report.found >= second.at
    assert built.report.found + built.report.sent == N
    assert_undisturbed(server, made, what)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
def test_our_process_ends_in_mid_load(node: Node, end: signal.Signals) -> None:
    server, what = node.server(), source(3000)
    made = spec(what, f"ended-{end.name}")
    with subprocess.Popen(
        [sys.executable, TESTS / "search" / "elastic" / "loader.py", node.url, made.task, "3000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
    ) as process:
        try:
            assert process.stdout is not None
            written = next((int(line) for line in process.stdout if int(line) > 500), 0)
            process.send_signal(end)
            sent_at = time.monotonic()
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert 500 < written < 3000, errors
    assert process.returncode != 0 and time.monotonic() - sent_at < 10
    assert index_state(server, made) == LOADING
    built: Built = build(server, made, what, FLAT)
    assert built.report is not None and 3000 > built.report.found >= written
    assert built.report.found + built.report.sent == 3000
    assert_undisturbed(server, made, what)
