"""Several workers: the same store to the byte as one process makes, whoever is lost on the way."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from embeddings.hashing_assignment import HashingAssignment
from embeddings.hashing_encoder import HashingEncoder, sentences
from embeddings.test_encode_texts import contents
from xlembed.embeddings import backends
from xlembed.embeddings.backends.processes import Process
from xlembed.embeddings.crew import Told, WorkerLost, Workers, alone
from xlembed.embeddings.encode import Progress, encode_texts
from xlembed.embeddings.encoding import open_workers
from xlembed.embeddings.store import VectorStore, text_keys
from xlembed.embeddings.work import Work
from xlembed.models.fingerprint import Fingerprint
from xlembed.models.spec import resolve_model
from xlembed.settings import EncodeSettings
from xlembed.words import Role, UserError

TEXTS = sentences(400)  # three windows of 160
SHARD = 10


def processes(n: int = 2, **options: Any) -> Workers:
    assignment: Any = HashingAssignment(options)
    return Workers(lambda: nullcontext([Process(assignment, "cpu", 1, loud=True) for _ in range(n)]))


def encode(store: VectorStore, crew: Any, texts: Sequence[str] = TEXTS, **options: Any) -> Any:
    with crew:
        return encode_texts(crew, texts, Role.DOCUMENT, store, shard_size=SHARD, **options)


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path / "cache", "f")


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, str]:
    """What one process writes."""
    store = VectorStore(tmp_path / "alone", "f")
    encode(store, alone(HashingEncoder))
    return contents(store)


def test_two_processes_write_the_same_bytes_as_one(store: VectorStore, expected: dict[str, str]) -> None:
    seen: list[Progress] = []
    report = encode(store, processes(seconds_per_batch=0.02), progress=seen.append)
    assert contents(store) == expected
    assert (report.n_encoded, report.device) == (400, "cpu") and report.peak_memory_mb > 40
    assert [p.n_done for p in seen] == sorted({p.n_done for p in seen}) and seen[-1].n_done == 400


def test_a_killed_worker_is_replaced(
    store: VectorStore, expected: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Progress] = []
    crew = processes(kill_at=5, killed=tmp_path / "killed", seconds_per_batch=0.05)
    report = encode(store, crew, progress=seen.append)
    assert (tmp_path / "killed").exists() and "exit code -9); its texts are encoded again" in caplog.text
    assert contents(store) == expected and report.n_encoded == 400
    assert seen[-1].n_done == 400


def test_workers_that_are_lost_again_and_again_end_it_and_the_next_start_goes_on(
    store: VectorStore, expected: dict[str, str]
) -> None:
    with pytest.raises(UserError, match=r"3 workers were lost one after the other.*exit code -9.*--workers"):
        encode(store, processes(kill_at=1))
    assert encode(store, alone(HashingEncoder)).n_encoded == 400
    assert contents(store) == expected


def test_the_error_of_a_worker_is_told_and_finished_shards_are_kept(store: VectorStore) -> None:
    bad = next(text for text in reversed(TEXTS) if len(text.split()) == 4)
    message = rf"NaN or infinity for document text {TEXTS.index(bad)} .*'{bad}"
    with pytest.raises(UserError, match=message):
        encode(store, processes(special={bad: float("nan")}))
    assert any(name.endswith(".index") for name in contents(store))
    with pytest.raises(RuntimeError, match=r"in a worker: .*unexpected keyword(.|\n)*hashing_assignment.py"):
        encode(store, processes(colour="green"))


def test_ctrl_c_ends_the_workers_and_keeps_what_is_done(store: VectorStore, expected: dict[str, str]) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.n_done > 100:
            signal.raise_signal(signal.SIGINT)

    crew = processes(seconds_per_batch=0.02)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            encode(store, crew, progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert encode(store, alone(HashingEncoder)).n_encoded < 400
    assert contents(store) == expected


def test_nothing_is_started_where_nothing_is_missing(store: VectorStore) -> None:
    encode(store, alone(HashingEncoder))

    def refuse() -> Any:
        raise AssertionError

    assert encode(store, Workers(refuse)).n_reused == 400


# In any order


class Here:
    """A worker of this process; an unlucky one is lost over every other shard, over each of them once."""

    def __init__(self, unlucky: bool) -> None:
        encoder = HashingEncoder(max_tokens=5)
        self._work, self._unlucky = Work(lambda: dict.fromkeys(Role, encoder)), unlucky
        self._over: set[str] = set()
        self._turns = 0

    def ready(self) -> None:
        pass

    def call(self, method: str, args: Sequence[Any], told: Told) -> Any:
        time.sleep(hash(str(args)) % 7 / 1000)
        if method == "encode" and self._unlucky:
            self._turns += 1
            if self._turns % 2 and args[0].texts[0] not in self._over:
                self._over.add(args[0].texts[0])
                raise WorkerLost("on purpose")
        return getattr(self._work, method)(*args)

    def close(self) -> None:
        pass


def test_the_bytes_do_not_depend_on_who_finishes_first_or_is_lost(
    store: VectorStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = VectorStore(tmp_path / "alone", "f")
    texts = TEXTS[:250]
    encode(other, alone(lambda: HashingEncoder(max_tokens=5)), texts)
    encode(
        store, Workers(lambda: nullcontext([Here(unlucky) for unlucky in (True, False, True, False)])), texts
    )
    assert "on purpose" in caplog.text
    assert contents(store) == contents(other)


def test_whatever_is_finished_the_rest_is_cut_as_before(store: VectorStore, expected: dict[str, str]) -> None:
    encode(store, alone(HashingEncoder))
    for seed in range(3):
        indexes = sorted((store.folder / "document").glob("*.index"))
        for index in indexes[seed :: seed + 2]:  # any of them are lost
            index.unlink()
        encode(store, alone(HashingEncoder))
        assert contents(store) == expected


def test_texts_of_a_model_that_does_not_pad_stay_in_their_order(store: VectorStore) -> None:
    encode(store, alone(lambda: HashingEncoder(pads=False)))
    assert [len(shard.keys) for shard in store.locate(Role.DOCUMENT, text_keys(TEXTS)).shards] == [SHARD] * 40
    located = store.locate(Role.DOCUMENT, text_keys(TEXTS[:SHARD]))
    assert located.row_of.tolist() == list(range(SHARD)) and len(located.shards) == 1


BACKEND = """
from contextlib import nullcontext

from embeddings.test_workers import Here
from xlembed.embeddings.crew import Workers


def BACKEND(assignment):
    return Workers(lambda: nullcontext([Here(unlucky=False)] * assignment.settings.workers))
"""


def test_a_back_end_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "threads.py").write_text(BACKEND, encoding="utf-8")
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    settings, ref = EncodeSettings(backend="threads", workers=3), resolve_model("static_multilingual")
    try:
        crew = open_workers(ref, settings, Fingerprint({}))
    finally:
        sys.modules.pop(f"{backends.__name__}.threads", None)
    assert crew is not None and crew.size == 3
    with crew:
        pass
