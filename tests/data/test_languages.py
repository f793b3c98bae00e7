from __future__ import annotations

from pathlib import Path

import pytest

from xlembed.data.languages import (
    NAMES,
    TWO_LETTERS,
    is_language,
    language_help,
    language_of_file,
    require_language,
    suggest_language,
)
from xlembed.words import UserError


def test_the_page_lists_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "languages.md").read_text(encoding="utf-8")
    three = {
        code: ", ".join(f"`{t}`" for t in sorted(TWO_LETTERS) if TWO_LETTERS[t] == code) for code in NAMES
    }
    rows = [f"| `{code}` | {name} | {three[code]} |" for code, name in sorted(NAMES.items())]
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


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
        ("Deutsch", "de"),
        ("Englisch", "en"),
        ("TÜRKÇE", "tr"),
        ("francais", "fr"),
        ("İngilizce", "en"),
        ("日本語", "ja"),
        ("русский", "ru"),
        ("gibberish", None),
        ("unbekannt", None),
        ("", None),
    ],
)
def test_suggestions(word: str, code: str | None) -> None:
    assert suggest_language(word) == code


def test_a_wrong_code_is_answered_with_the_right_one() -> None:
    assert require_language("tr", "--lang") == "tr"
    with pytest.raises(UserError, match=r"--lang: 'tur' is not an ISO 639 .* write 'tr' \(Turkish\)"):
        require_language("tur", "--lang")
    with pytest.raises(UserError, match=r"use a two-letter ISO 639-1 code such as 'en'"):
        require_language("xx", "--lang")


def test_a_code_of_another_language_is_no_misspelt_one() -> None:
    for word in ("qqq", "mul", "und", "in"):
        assert language_help(word).endswith("for a language that has none.")
    assert language_help("germn").endswith("Did you mean 'German'?")
    assert language_help("zh_TW") == "write 'zh' (Chinese), or 'zh-TW' to keep the variety apart"
    assert language_help("tur_Latn") == "write 'tr' (Turkish), or 'tr-Latn' to keep the variety apart"
    assert language_help("Cebuano") == "write 'ceb' (Cebuano)"


@pytest.mark.parametrize(
    "code", ["ceb", "ast", "nds", "yue", "zh-Hans", "zh-Hant-TW", "pt-BR", "es-419", "sr-Latn"]
)
def test_varieties_and_languages_without_two_letters_are_languages(code: str) -> None:
    assert is_language(code) and require_language(code, "--lang") == code


@pytest.mark.parametrize(
    "code", ["zh-hant", "zh_Hant", "pt-br", "deu", "deu-AT", "zh-Xxxx", "pt-QQ", "und", "mul", "zh-"]
)
def test_other_spellings_are_not(code: str) -> None:
    assert not is_language(code)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("xquad.de.json", "de"),
        ("dev-tr.json", "tr"),
        ("tatoeba.deu-eng.deu", "de"),
        ("tatoeba.deu-eng.eng", "en"),
        ("tatoeba.cat-eng.cat", "ca"),
        ("faq_JA.jsonl", "ja"),
        ("squad-tur-v1.json", "tr"),
        ("stsb-en-train.csv", "en"),
        ("tur_sentences.tsv", "tr"),
        ("faq.de.jsonl.gz", "de"),
        ("de.jsonl", "de"),
        # between dots any code counts, elsewhere words do not
        ("faq.it.jsonl", "it"),
        ("hr_faq.hr.jsonl", "hr"),
        ("ms-marco.de.jsonl", "de"),
        ("dev-pt.json", "pt"),
        ("dev-ms.json", "ms"),
        ("stsb-pt-dev.csv", "pt"),
        ("es_train.jsonl", "es"),
        # regions and scripts
        ("ref.por-BR.txt", "pt"),
        ("ref.zho-TW.txt", "zh"),
        ("ref.fra-CA.txt", "fr"),
        ("faq.zh-Hans.jsonl", "zh"),
        ("faq_zh_Hant_TW.jsonl", "zh"),
        ("data_pt_BR_2024.csv", "pt"),
        ("es-419.txt", "es"),
        # without a code of two letters: said twice, or with a script
        ("tatoeba.ceb-eng.ceb", "ceb"),
        ("tatoeba.ceb-eng.eng", "en"),
        ("dev.ast_Latn.txt", "ast"),
    ],
)
def test_language_of_a_file(name: str, code: str) -> None:
    assert language_of_file(Path(name)) == code


def test_varieties_in_a_file_s_name_are_kept_apart_on_demand() -> None:
    names = ("faq.zh-Hans.jsonl", "faq_zh_Hant_TW.jsonl", "ref.por-BR.txt", "xquad.de.json")
    assert [language_of_file(Path(name), varieties=True) for name in names] == [
        "zh-Hans",
        "zh-Hant-TW",
        "pt-BR",
        "de",
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("en/train.json", "no language code"),
        ("products.new.jsonl", "no language code"),
        ("train-v0.1.json", "no language code"),
        ("bm25_queries.jsonl", "no language code"),
        ("ids.bak", "no language code"),
        ("test-context-de-question-en.json", r"several language codes \(de, en\)"),
        ("tur-eng.tsv", r"several language codes \(en, tr\)"),
        ("hr_faq.jsonl", "'hr' in its name may be Croatian, or another word"),
        ("it_support.jsonl", "'it' in its name may be Italian"),
        ("support_it.jsonl", "'it' in its name may be Italian"),
        ("it.jsonl", "'it' in its name may be Italian"),
        ("id_mapping.jsonl", "'id' in its name may be Indonesian"),
        ("how-to.csv", "'to' in its name may be Tonga"),
        ("ms_marco.jsonl", "'ms' in its name may be Malay"),
        ("pt_records.csv", "'pt' in its name may be Portuguese"),
        ("faq.kr.jsonl", "'kr' in its name may be Kanuri, or another word or a country"),
        ("faq_tw.jsonl", "'tw' in its name may be Twi"),
        ("may_2024.jsonl", "'may' in its name may be Malay"),
    ],
)
def test_a_name_that_tells_no_language(name: str, why: str) -> None:
    with pytest.raises(UserError, match=rf"which language is it\? .*{why}.* --lang"):
        language_of_file(Path(name))
