import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from embeddings.hashing_encoder import HashingEncoder, sentences
from xlembed.embeddings.crew import alone
from xlembed.embeddings.encode import EncodeReport, Progress, encode_texts
from xlembed.embeddings.store import VectorStore, text_keys
from xlembed.files import default_cache
from xlembed.words import Role, UserError, Vectors

DOCUMENT = Role.DOCUMENT
TEXTS = sentences(50)
SORTED = sorted(TEXTS, key=lambda text: -len(text.split()))
"""Shards of 10 of these; the first three take 5, 3 and 3 batches of 20 tokens."""
BATCH_TOKENS, SHARD = 20, 10

CHILD = """
import sys
import threading
from pathlib import Path
from hashing_encoder import HashingEncoder, sentences
from xlembed.embeddings.crew import alone
from xlembed.embeddings.encode import encode_texts
from xlembed.embeddings.store import VectorStore
from xlembed.words import Role

root, log, kill_at, pause = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
encoder = HashingEncoder(log=log, kill_at=kill_at or None, seconds_per_batch=pause)
store = VectorStore(root, "f")
report = encode_texts(alone(lambda: encoder, 20), sentences(50), Role.DOCUMENT, store, shard_size=10)
print(report.n_encoded)
"""


def child(root: Path, log: Path, kill_at: int = 0, pause: float = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD, str(root), str(log), str(kill_at), str(pause)]
    return subprocess.Popen(
        command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def encode(
    store: VectorStore, texts: Sequence[str], encoder: HashingEncoder | None = None
) -> tuple[HashingEncoder, EncodeReport]:
    encoder = encoder or HashingEncoder()
    crew = alone(lambda: encoder, BATCH_TOKENS)
    return encoder, encode_texts(crew, texts, DOCUMENT, store, shard_size=SHARD)


def contents(store: VectorStore) -> dict[str, str]:
    files = [p for p in store.folder.rglob("*") if p.is_file() and p.name != "lock"]
    return {p.relative_to(store.folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def never() -> HashingEncoder:
    raise AssertionError("the model must not be loaded")


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path / "cache", "f")


@pytest.fixture
def undisturbed(tmp_path: Path) -> VectorStore:
    store = VectorStore(tmp_path / "undisturbed", "f")
    encode(store, TEXTS)
    return store


def shard_of(store: VectorStore, text: str) -> Path:
    located = store.locate(DOCUMENT, text_keys([text]))
    return located.shards[int(located.shard_of[0])].vectors


def test_report_and_vectors(store: VectorStore) -> None:
    encoder = HashingEncoder(max_tokens=3)
    texts = ["b one", "a", "b one", "c two three four five"]
    report = encode_texts(alone(lambda: encoder), texts, DOCUMENT, store)
    assert encoder.encoded == [["c two three four five", "b one", "a"]]
    assert (report.n_texts, report.n_unique, report.n_encoded, report.n_reused) == (4, 3, 3, 0)
    assert (report.n_tokens, report.n_truncated, report.n_zero, report.oom_halvings) == (6, 1, 0, 0)
    assert report.device == "cpu" and report.batch_tokens == 4096
    assert report.texts_per_second == pytest.approx(3 / report.seconds)
    assert report.tokens_per_second == pytest.approx(6 / report.seconds)
    assert report.peak_memory_mb is not None and 20 < report.peak_memory_mb < 100_000
    vectors = store.read(DOCUMENT, texts)
    assert vectors.shape == (4, 8)
    np.testing.assert_allclose(vectors.load(), [encoder.vector(t) for t in texts], rtol=1e-3)
    np.testing.assert_array_equal(vectors.load()[0], vectors.load()[2])


def test_each_text_is_encoded_once_and_the_model_not_loaded_again(store: VectorStore) -> None:
    encoder, _ = encode(store, TEXTS + TEXTS[::-1])
    assert sorted(encoder.texts) == sorted(TEXTS)
    report = encode_texts(alone(never), TEXTS[::-1], DOCUMENT, store)
    assert (report.n_encoded, report.n_reused, report.seconds, report.device) == (0, 50, 0.0, None)


def test_an_inserted_text_costs_one_encode(store: VectorStore) -> None:
    encode(store, TEXTS)
    before = contents(store)
    texts = [*TEXTS[:7], "a new one", *TEXTS[7:]]
    encoder, report = encode(store, texts)
    assert encoder.texts == ["a new one"] and report.n_reused == 50
    assert before.items() <= contents(store).items()
    np.testing.assert_allclose(
        store.read(DOCUMENT, texts).load(), [encoder.vector(t) for t in texts], rtol=1e-3
    )


def test_roles_fingerprints_and_texts_are_kept_apart(store: VectorStore, tmp_path: Path) -> None:
    encode(store, ["a"])
    with pytest.raises(UserError, match=r"1 of 1 query texts have no vector .*'a'.*Run xlembed encode"):
        store.read(Role.QUERY, ["a"])
    with pytest.raises(UserError, match=r"1 of 2 document texts.*'a '"):
        store.read(DOCUMENT, ["a", "a "])
    with pytest.raises(UserError, match="Run xlembed encode"):
        VectorStore(tmp_path / "cache", "other").read(DOCUMENT, ["a"])


def test_nothing_to_encode(store: VectorStore) -> None:
    report = encode_texts(alone(never), [], DOCUMENT, store)
    assert (report.n_texts, report.n_unique, report.n_encoded) == (0, 0, 0)
    assert store.read(DOCUMENT, []).load().shape == (0, 0)


def test_order_and_chunks_follow_the_request(undisturbed: VectorStore) -> None:
    texts = [TEXTS[i] for i in (49, 0, 13, 13, 27, 1, 48)]
    chunks = list(undisturbed.read(DOCUMENT, texts).chunks(rows=3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    whole = undisturbed.read(DOCUMENT, TEXTS).load()
    np.testing.assert_array_equal(np.concatenate(chunks), whole[[49, 0, 13, 13, 27, 1, 48]])


def test_progress_counts_up(store: VectorStore) -> None:
    seen: list[Progress] = []
    encode_texts(alone(HashingEncoder, 20), TEXTS, DOCUMENT, store, shard_size=10, progress=seen.append)
    done = [p.n_done for p in seen]
    assert done == sorted(done) and done[-1] == 50 and {p.n_total for p in seen} == {50}
    assert seen[-1].seconds_left == 0 and seen[0].seconds_left > 0
    assert str(Progress(1000, 4600, 10.0, 3600.0)) == "1,000/4,600 texts, 10.0 texts/s, 01:00:00 left"


def test_killed_process_resumes_with_the_same_bytes(
    store: VectorStore, undisturbed: VectorStore, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert child(tmp_path / "cache", log, kill_at=10).wait(60) == -9
    assert len(list(store.folder.rglob("*.index"))) == 2
    encoder, report = encode(store, TEXTS)
    assert report.n_reused == 20
    assert sorted(encoder.texts) == sorted(SORTED[20:])
    assert contents(store) == contents(undisturbed)


def test_killed_between_vectors_and_index(
    store: VectorStore, undisturbed: VectorStore, tmp_path: Path
) -> None:
    kill = """
import os, signal
from pathlib import Path
replace = Path.replace
def die(self, target):
    if target.suffix == ".index":
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = die
"""
    command = [sys.executable, "-c", kill + CHILD, str(tmp_path / "cache"), str(tmp_path / "log"), "0", "0"]
    assert subprocess.run(command, cwd=Path(__file__).parent).returncode == -9
    assert sorted(p.suffix for p in (store.folder / "document").glob("[!.]*")) == [".npy", ".npz"]
    assert any(p.name.startswith(".") for p in (store.folder / "document").iterdir())
    _, report = encode(store, TEXTS)
    assert report.n_encoded == 50
    assert contents(store) == contents(undisturbed)


def test_interrupt_keeps_finished_shards_and_frees_the_lock(
    store: VectorStore, undisturbed: VectorStore
) -> None:
    class Interrupted(HashingEncoder):
        def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
            if len(self.encoded) == 9:
                raise KeyboardInterrupt
            return super().encode_batch(texts, role)

    with pytest.raises(KeyboardInterrupt):
        encode(store, TEXTS, Interrupted())
    _, report = encode(store, TEXTS)
    assert report.n_reused == 20
    assert contents(store) == contents(undisturbed)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)


def garble(path: Path) -> None:
    path.write_bytes(b"[1, 2")


@pytest.mark.parametrize(
    ("damage", "suffix", "reason"),
    [
        (cut, ".npy", "its vectors are truncated"),
        (flip, ".npy", "its vectors were altered"),
        (Path.unlink, ".npy", "its vectors are missing"),
        (cut, ".index", "its index is truncated or was altered"),
        (flip, ".index", "its index is truncated or was altered"),
        (garble, ".index", "its index is not readable"),
    ],
)
def test_damaged_shard_is_encoded_again_and_no_other(
    store: VectorStore,
    undisturbed: VectorStore,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
    suffix: str,
    reason: str,
) -> None:
    encode(store, TEXTS)
    damage(shard_of(store, SORTED[20]).with_suffix(suffix))
    with pytest.raises(UserError, match=rf"10 of 50 document texts .*{reason}.*Run xlembed encode"):
        store.read(DOCUMENT, TEXTS)
    # Beside the damaged shard, a text is missing that comes before it.
    encoder, _ = encode(store, ["earlier", *TEXTS])
    assert sorted(encoder.texts) == sorted(["earlier", *SORTED[20:30]])
    assert reason in caplog.text
    if suffix == ".npy":
        after, expected = contents(store), contents(undisturbed)
        assert expected.items() <= after.items()
        assert len(after) == len(expected) + 3


def test_altered_index_alone_gives_the_same_bytes(store: VectorStore, undisturbed: VectorStore) -> None:
    encode(store, TEXTS)
    cut(shard_of(store, SORTED[20]).with_suffix(".index"))
    cut(shard_of(store, SORTED[40]).with_suffix(".index"))
    _, report = encode(store, TEXTS)
    assert report.n_encoded == 20
    assert contents(store) == contents(undisturbed)


def test_of_a_damaged_shard_only_what_is_wanted_is_encoded(store: VectorStore) -> None:
    encode(store, TEXTS)
    flip(shard_of(store, SORTED[20]))
    encoder, _ = encode(store, SORTED[:25])
    assert sorted(encoder.texts) == sorted(SORTED[20:25])


def test_two_processes_share_the_work(store: VectorStore, undisturbed: VectorStore, tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = [child(tmp_path / "cache", log, pause=0.1) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(int(out) for out, _ in outputs) == [0, 50]
    assert sorted(log.read_text().splitlines()) == sorted(TEXTS)
    assert "another process is encoding with this model; waiting" in "".join(err for _, err in outputs)
    assert contents(store) == contents(undisturbed)


def test_out_of_memory_halves_stays_halved_and_says_so(
    store: VectorStore, undisturbed: VectorStore, caplog: pytest.LogCaptureFixture
) -> None:
    encoder, report = encode(store, TEXTS, HashingEncoder(fits=10))
    # The first batch is 2 texts of 7 tokens: 14 tokens, halved to 7.
    assert report.oom_halvings == 1 and report.batch_tokens == 7
    assert (
        "out of memory on cpu with 2 texts of up to 7 tokens; going on with 7 tokens per batch" in caplog.text
    )
    assert sorted(encoder.texts) == sorted(TEXTS)
    np.testing.assert_allclose(
        store.read(DOCUMENT, TEXTS).load(), undisturbed.read(DOCUMENT, TEXTS).load(), rtol=1e-3
    )


def test_out_of_memory_with_one_text(store: VectorStore) -> None:
    with pytest.raises(UserError, match="out of memory on cpu with a single text of 7 tokens"):
        encode(store, TEXTS, HashingEncoder(fits=5))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_a_number_names_the_text(store: VectorStore, value: float) -> None:
    encoder = HashingEncoder(special={TEXTS[33]: value})
    texts = [TEXTS[0], *TEXTS]
    with pytest.raises(UserError, match=r"NaN or infinity for document text 34 .*'text33 word"):
        encode(store, texts, encoder)
    _, report = encode(store, texts)
    assert report.n_reused == 10


def test_wrong_shape_is_refused(store: VectorStore) -> None:
    class Wide(HashingEncoder):
        def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
            return np.ones((len(texts), self.dim + 1), dtype=np.float32)

    with pytest.raises(UserError, match=r"shape \(1, 9\), expected \(1, 8\)"):
        encode(store, ["a"], Wide())


def test_zero_vectors_are_counted(store: VectorStore) -> None:
    _, report = encode(store, ["a", "zero", "b"], HashingEncoder(special={"zero": 0.0}))
    assert report.n_zero == 1
    assert not store.read(DOCUMENT, ["zero"]).load().any()


def test_half_precision_on_disk(tmp_path: Path) -> None:
    half = VectorStore(tmp_path, "half", storage_dtype="float16")
    encoder, _ = encode(half, TEXTS)
    vectors = half.read(DOCUMENT, TEXTS).load()
    assert vectors.dtype == np.float16
    np.testing.assert_allclose(vectors, [encoder.vector(t) for t in TEXTS], atol=1e-3)
    with pytest.raises(ValueError, match="holds float16, expected float32"):
        VectorStore(tmp_path, "half").read(DOCUMENT, TEXTS)


def test_description_is_written_for_people(tmp_path: Path) -> None:
    store = VectorStore(tmp_path, "f", description={"pooling": "mean"})
    encode(store, ["a"])
    assert json.loads((store.folder / "fingerprint.json").read_text()) == {"pooling": "mean"}


def test_finished_texts_are_read_while_another_process_holds_the_lock(undisturbed: VectorStore) -> None:
    with undisturbed.lock():
        assert encode_texts(alone(never), TEXTS, DOCUMENT, undisturbed).n_reused == 50


def test_an_index_that_is_being_written_is_no_damage(undisturbed: VectorStore) -> None:
    """A reader beside a writer, or after one that was killed, sees finished shards only."""
    index = shard_of(undisturbed, TEXTS[0]).with_suffix(".index")
    for name, content in (("whole", index.read_bytes()), ("half", index.read_bytes()[:20]), ("empty", b"")):
        (index.parent / f".{index.stem}.{name}.index").write_bytes(content)
    located = undisturbed.locate(DOCUMENT, text_keys(TEXTS))
    assert located.damaged == () and not len(located.missing)


def test_fingerprint_must_name_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        VectorStore(tmp_path, "../elsewhere")


def test_default_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine"
    monkeypatch.setenv("XLEMBED_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "xlembed"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "xlembed"


def test_keys_of_strange_texts_and_of_none() -> None:
    assert text_keys(["\ud800", ""]).shape == (2, 32)
    assert text_keys([]).shape == (0, 32)


class InTwoSteps:
    """Is given texts in two steps; every look at a text is noted with its thread."""

    dim, device, max_tokens, pads = 8, "cpu", 5, True

    def __init__(self, **options: int) -> None:
        self.plain = HashingEncoder(max_tokens=5, **options)
        self.threads: set[int] = set()

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        self.threads.add(threading.get_ident())
        return self.plain.token_counts(texts, role)

    def tokenise(self, texts: Sequence[str], role: Role) -> tuple[Sequence[str], Role]:
        self.threads.add(threading.get_ident())
        return texts, role

    def encode_tokenised(self, tokenised: tuple[Sequence[str], Role]) -> Vectors:
        return self.plain.encode_batch(*tokenised)

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        raise AssertionError("in one step")


@pytest.mark.parametrize("fits", [1000, 10])
def test_texts_are_tokenised_ahead_by_one_other_thread(
    store: VectorStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fits: int
) -> None:
    monkeypatch.setattr("xlembed.embeddings.work.COUNTED", 3)
    texts = sentences(400)
    encoder, other = InTwoSteps(fits=fits), VectorStore(tmp_path / "other", "f")
    encode(store, texts, encoder)  # type: ignore[arg-type]
    encode(other, texts, HashingEncoder(max_tokens=5, fits=fits))
    assert contents(store) == contents(other)
    assert len(encoder.threads) == 1 and threading.get_ident() not in encoder.threads


def test_an_error_while_tokens_are_counted_is_told(store: VectorStore) -> None:
    class Uncountable(InTwoSteps):
        def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
            raise UserError("cannot be counted")

    with pytest.raises(UserError, match="cannot be counted"):
        encode(store, TEXTS, Uncountable())  # type: ignore[arg-type]
