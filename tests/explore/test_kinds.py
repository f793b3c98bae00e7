"""Every kind of error and every boundary, on examples made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from xlembed.data.task import Alignment, Document, Query, Task
from xlembed.explore import nearness
from xlembed.explore.kinds import ErrorKind, Failure, kind_of
from xlembed.explore.nearness import NearCopies, Overlap, sample_rows
from xlembed.explore.reading import Reading, unknown_shares

DOCUMENTS = (
    Document("red", "red kettle", "en", group="kettles"),
    Document("loud", "loud kettle kettle", "en"),
    Document("lamp", "lamp", "en", group="lamps"),
    Document("rouge", "bouilloire rouge", "fr", group="kettles"),
    Document("lampe", "lampe", "fr"),
    Document("quiet", "quiet", "en"),
)
RED, LOUD, LAMP, ROUGE, LAMPE, QUIET = range(6)
TASK = Task(
    "by hand",
    ("en", "fr"),
    Alignment.COMPARABLE,
    DOCUMENTS,
    (Query("q-en", "kettle", "en", "n"), Query("q-fr", "bouilloire rouge lampe", "fr", "n")),
    {},
)
EN, FR = 0, 1


def kind(
    first: int | None,
    right: tuple[int, ...],
    query: int = EN,
    alone: bool = False,
    near: tuple[tuple[int, int], ...] = (),
) -> ErrorKind:
    failure = Failure(query, first, right, alone)
    return kind_of(failure, TASK, lambda a, b: (a, b) in near, Overlap(TASK))


def test_nothing_retrieved_comes_first() -> None:
    assert kind(None, (RED,), alone=True) is ErrorKind.NOTHING_RETRIEVED


def test_wrong_language_comes_before_a_near_copy() -> None:
    assert kind(ROUGE, (RED,), alone=True) is ErrorKind.WRONG_LANGUAGE
    assert kind(ROUGE, (RED,)) is ErrorKind.NEAR_COPY


def test_a_near_copy_shares_a_group_or_is_near_to_any_right_document() -> None:
    assert kind(RED, (LAMP, ROUGE)) is ErrorKind.NEAR_COPY
    assert kind(LOUD, (LAMP, QUIET), near=((LOUD, QUIET),)) is ErrorKind.NEAR_COPY  # before words
    assert kind(QUIET, (LOUD,)) is ErrorKind.MEANING  # both have no group: none is shared


def test_words_where_the_first_shares_more_than_every_right_one() -> None:
    assert kind(LOUD, (QUIET,)) is ErrorKind.WORDS
    assert kind(LAMP, (QUIET,)) is ErrorKind.MEANING  # 0 is not above 0
    # "kettle" once in two words or twice in three: by BM25 the second is higher
    assert kind(LOUD, (RED,)) is ErrorKind.WORDS
    assert kind(RED, (LOUD,)) is ErrorKind.MEANING
    assert kind(RED, (QUIET, LOUD)) is ErrorKind.MEANING  # not above all of them


def test_words_need_both_in_the_language_of_the_query() -> None:
    assert kind(LAMPE, (RED,), query=FR) is ErrorKind.MEANING  # the right one is English
    assert kind(LOUD, (LAMPE,), query=EN) is ErrorKind.MEANING
    assert kind(ROUGE, (LAMPE, LAMP), query=FR) is ErrorKind.WORDS  # of the right ones the French counts


def test_near_copies_from_the_percentile_on() -> None:
    """Cosines .8, .6 and 0 of three English documents; numpy's median of them is .6, which is near."""
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8], [0, 0]], dtype=np.float32)
    near = NearCopies(["en", "en", "en", "fr", "fr"], range(5), vectors, 50)
    assert near.threshold("en", "en") == 0.6
    assert near(1, 2) and near(0, 1) and not near(0, 2)
    # en-fr: .6, .96, .8 and thrice no direction, which is below every cosine
    assert near.cosine(0, 4) == near.cosine(4, 0) == -2.0 and not near(0, 4)
    assert NearCopies(["en", "en", "en", "fr", "fr"], range(5), vectors, 90)(1, 3)
    assert NearCopies(["en", "fr"], range(2), vectors[:2], 95).threshold("en", "en") == float("inf")


def test_the_sample_is_all_or_drawn_with_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sample_rows(["en", "fr", "en"]) == {"en": [0, 2], "fr": [1]}
    monkeypatch.setattr(nearness, "SAMPLE", 3)
    found = sample_rows(["en"] * 10)["en"]
    assert len(set(found)) == 3 and found == sorted(found) == sample_rows(["en"] * 10)["en"]


def test_truncated_where_no_right_document_is_read_whole() -> None:
    reading = Reading(frozenset({RED, LAMP}), {})
    assert reading.is_truncated((RED, LAMP)) and not reading.is_truncated((RED, LOUD))


def test_not_understood_from_the_share_on(tmp_path: Path) -> None:
    """Padding and truncation of the stored tokenizer count for nothing; no token at all is not understood."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, "red": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_padding(length=128, pad_id=1)
    tokenizer.enable_truncation(5)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = {0: "red red red red zzz", 1: "red red red red red zzz", 2: "", 3: "zzz"}
    shares = unknown_shares(tmp_path / "tokenizer.json", texts)
    assert shares == {0: 1 / 5, 1: 1 / 6, 2: 1.0, 3: 1.0}
    reading = Reading(frozenset(), shares)
    assert [reading.is_not_understood(row, 0.2) for row in (0, 1, 2, 3, 99)] == [
        True,
        False,
        True,
        True,
        False,
    ]
