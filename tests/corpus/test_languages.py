from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.corpus.languages import (
    NAMES,
    TWO_LETTERS,
    is_language,
    language_of_file,
    require_language,
    suggest_language,
)
from xlembed.types import UserError


def test_the_tables() -> None:
    assert len(NAMES) == 183 and all(len(code) == 2 for code in NAMES)
    assert all(len(code) == 3 for code in TWO_LETTERS) and set(TWO_LETTERS.values()) == set(NAMES)
    assert is_language("tr") and not is_language("TR") and not is_language(None)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("eng", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("zh-CN", "zh"),
        ("zh_Hans", "zh"),
        ("EN", "en"),
        ("cmn", "zh"),
        ("deu_Latn", "de"),
        ("German", "de"),
        ("jp", "ja"),
        ("norwegian bokmål", "nb"),
        ("klingon", None),
        ("", None),
    ],
)
def test_suggestions(word: str, code: str | None) -> None:
    assert suggest_language(word) == code


def test_a_wrong_code_is_answered_with_the_right_one() -> None:
    assert require_language("tr", "--lang") == "tr"
    with pytest.raises(UserError, match=r"--lang: 'tur' is not an ISO 639-1 .* write 'tr' \(Turkish\)"):
        require_language("tur", "--lang")
    with pytest.raises(UserError, match=r"use a two-letter ISO 639-1 code such as 'en'"):
        require_language("xx", "--lang")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("xquad.de.json", "de"),
        ("dev-tr.json", "tr"),
        ("tatoeba.deu-eng.deu", "de"),
        ("tatoeba.deu-eng.eng", "en"),
        ("faq_JA.jsonl", "ja"),
        ("squad-tur-v1.json", "tr"),
        ("en/train.json", None),
        ("train-v0.1.json", None),
        ("test-context-de-question-en.json", None),
    ],
)
def test_language_of_a_file(name: str, code: str | None) -> None:
    if code is not None:
        assert language_of_file(Path(name)) == code
        return
    with pytest.raises(UserError, match=r"which language is it\? Its name holds .* --lang"):
        language_of_file(Path(name))
