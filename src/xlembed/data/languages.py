"""Languages by their ISO 639 codes, their varieties, and what people write instead of them."""

from __future__ import annotations

import contextlib
import gettext
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Annotated

import pycountry
from pydantic import AfterValidator

from xlembed.data.text_digest import bare
from xlembed.words import Lang, UserError, near_miss

_COMMON_NAMES = {"dv": "Dhivehi", "el": "Greek", "ii": "Nuosu", "ny": "Nyanja", "ug": "Uyghur"}
"""Where ISO's reference name is not what people say."""

_LANGUAGES = [entry for entry in pycountry.languages if getattr(entry, "alpha_2", "sh") != "sh"]
"""Those of ISO 639-1; `sh` (Serbo-Croatian) was withdrawn."""

NAMES: dict[Lang, str] = {
    entry.alpha_2: _COMMON_NAMES.get(entry.alpha_2, entry.name.partition(" (")[0]) for entry in _LANGUAGES
}
"""Two-letter code -> English name."""

_MEMBERS = """
cmn zh, arb ar, pes fa, zsm ms, lvs lv, ekk et, swh sw, uzn uz, azj az, khk mn, als sq, npi ne, ory or, plt mg
ydd yi, kmr ku, gaz om, pbt ps, quy qu, ayr ay
"""
"""Members of what ISO 639-1 counts as one language."""

TWO_LETTERS: dict[str, Lang] = {
    **{entry.alpha_3: entry.alpha_2 for entry in _LANGUAGES},
    **{entry.bibliographic: entry.alpha_2 for entry in _LANGUAGES if hasattr(entry, "bibliographic")},
    **dict(pair.split() for pair in re.split("[,\n]", _MEMBERS.strip())),
}
"""Three-letter code (ISO 639-3, bibliographic ones, members) -> two-letter code."""

THREE_LETTERS: dict[Lang, str] = {
    entry.alpha_3: entry.name.partition(" (")[0]
    for entry in pycountry.languages
    if entry.alpha_3 not in TWO_LETTERS and entry.type != "S"
}
"""ISO 639-3 code of a language without a two-letter code -> English name; `und` and `mul` are no languages."""

_VARIETY = re.compile("([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|[0-9]{3}))?")
"""A language, perhaps with script and region, as BCP 47 spells them."""

_SLIPS: dict[str, Lang] = {
    **{"jp": "ja", "cn": "zh", "tw": "zh", "kr": "ko", "cz": "cs", "dk": "da", "ua": "uk", "gr": "el"},
    **{"vn": "vi", "us": "en", "gb": "en", "mx": "es", "iw": "he", "ji": "yi"},
    **{"farsi": "fa", "mandarin": "zh", "nynorsk": "nn", "castilian": "es"},
}
"""Country codes, withdrawn codes and other names -> the code meant."""

TWO_LETTERS_OF: dict[str, Lang] = {name: code for code, name in NAMES.items()}
"""English name -> two-letter code."""

_WORDS = "am an as be he hi hr id is it la me my no or so to"
"""Codes that are words: they tell a language only between dots."""

_COUNTRIES = "bo br ch cr cu ee gn ie kr li lu mh na ng se tw ve za"
"""Codes of little-written languages that are those of countries too (`kr`: Kanuri, Korea): refused in every place."""

_SHORT_FOR = """
ab ad ae ar av az ba bg bi bm bs ca co cs cv da el es et eu fi fo fy ga gl ha ho ht hz ia ii io kb kg km ku kv
kw ky lb lg lo lt lv mg mi mk ml mn mr ms mt nb nd ne nl nn nr nv ny om os pa pi ps qu rm rn ro rw sa sc sd sg
si sl sm sn sq sr ss st su sw ta te tg th ti tk tl tn ts tt ty uk vi vo wa wo yo als ara arg arm asm ava ave
bam bel ben bis bos cat chi cor cos cre dan est fin ful geo ger hat her ibo ice ido ina ind kal kat kin kom
kon kor lat lim lin lit mac mal mao mar may mon nav nep nor ori orm pan per plt pol por pus pt que rum run sag
san sin slo sme smo sna som sot sun swa swe tam tat tel tib tir ton tso ven vie vol wel wol
"""
"""Codes that are often short for something else: they tell a language only as the last part, or with a region."""

_FORMATS = "json jsonl ndjson csv tsv txt parquet gz bz2 xz zst zip bak ori"
"""Suffixes that say what a file is written in."""

_PARTS = "train dev devtest test valid validation val eval"
"""What may follow the last part of a name: ``stsb-es-dev.csv``."""

_REGION = re.compile(
    r"(?<![A-Za-z])([a-z]{2,3})([-_][A-Z][a-z]{3})?([-_](?:[A-Z]{2}|[0-9]{3}))?(?![A-Za-z0-9])"
)
"""A code with script and region: ``zh-Hant-TW``, ``pt_BR``, ``es-419``."""


def is_language(code: object) -> bool:
    """Whether `code` is that of a language in lower case, ISO 639-1 or, where there is none, ISO 639-3.

    A script and a region may follow, in the spelling of BCP 47.

    >>> is_language("tr"), is_language("ceb"), is_language("zh-Hant"), is_language("eng"), is_language("zh_TW")
    (True, True, True, False, False)
    """
    found = _VARIETY.fullmatch(code) if isinstance(code, str) else None
    if not found or not (found[1] in NAMES or found[1] in THREE_LETTERS):
        return False
    script, region = found[2], found[3]
    known = not script or pycountry.scripts.get(alpha_4=script) is not None
    return known and (not region or region.isdigit() or pycountry.countries.get(alpha_2=region) is not None)


def _is_code(code: str) -> str:
    if not is_language(code):
        raise ValueError("expected an ISO 639 code (en, ceb, zh-Hant)")
    return code


Language = Annotated[Lang, AfterValidator(_is_code)]
"""A field that holds a language."""


def language_name(lang: Lang) -> str:
    """In English.

    >>> language_name("zh-Hant"), language_name("ceb")
    ('Chinese, Hant', 'Cebuano')
    """
    base, _, variety = lang.partition("-")
    return ", ".join(filter(None, (NAMES.get(base) or THREE_LETTERS.get(base, base), variety)))


def suggest_language(word: str) -> Lang | None:
    """The code that `word` probably means: ``eng``, ``zh-CN``, ``EN``, ``deu_Latn``, ``German``, ``Almanca``.

    >>> suggest_language("eng"), suggest_language("zh-CN"), suggest_language("Deutsch"), suggest_language("gibberish")
    ('en', 'zh', 'de', None)
    """
    whole = word.strip().lower()
    for form in (whole, re.split(r"[-_.@ ]", whole)[0]):
        if form in NAMES or form in THREE_LETTERS:
            return form
        if form in TWO_LETTERS:
            return TWO_LETTERS[form]
        if form in _SLIPS:
            return _SLIPS[form]
    return language_called(word)


def language_called(name: str) -> Lang | None:
    """The code of what a language is called, in whatever language."""
    whole = name.strip().lower()
    return _english_names().get(whole) or _foreign_names().get(bare(whole))


@cache
def _english_names() -> dict[str, Lang]:
    return {name.lower(): code for code, name in (THREE_LETTERS | NAMES).items()}


@cache
def _foreign_names() -> dict[str, Lang]:
    """What languages with a code of two letters are called in other languages, in their own too (`bare`) -> code."""
    called: dict[str, Counter[Lang]] = defaultdict(Counter)
    for locale in Path(pycountry.LOCALES_DIR).iterdir():
        with contextlib.suppress(OSError):
            translated = gettext.translation("iso639-3", pycountry.LOCALES_DIR, [locale.name]).gettext
            for entry in _LANGUAGES:
                name = re.split("[;,(]", translated(entry.name))[0].strip()
                if name != entry.name and len(name.encode()) > 3:  # what is shorter looks like a code
                    called[bare(name)][entry.alpha_2] += 1
    # Some translations are wrong: where they disagree, most of them must agree.
    return {name: of.most_common(1)[0][0] for name, of in called.items() if 2 * max(of.values()) > of.total()}


def suggest_variety(word: str) -> Lang | None:
    """The variety that `word` names in another spelling; None where it names none.

    >>> suggest_variety("zh_tw"), suggest_variety("por-br"), suggest_variety("zho_Hans_CN"), suggest_variety("eng")
    ('zh-TW', 'pt-BR', 'zh-Hans-CN', None)
    """
    code, *rest = re.split("[-_]", word.strip())
    parts = [part.title() if len(part) == 4 else part.upper() for part in rest]
    variety = "-".join([suggest_language(code) or code, *parts])
    return variety if rest and is_language(variety) else None


def language_help(word: str) -> str:
    """What to write instead of `word`, as an instruction."""
    code = suggest_language(word)
    if code:
        variety = suggest_variety(word)
        apart = f", or {variety!r} to keep the variety apart" if variety else ""
        return f"write {code!r} ({language_name(code)}){apart}"
    # No near miss among codes: `ceb` (Cebuano) is no misspelt `ce` (Chechen).
    guess = near_miss(word.title(), TWO_LETTERS_OF) if len(word) > 3 else ""
    return (
        "use a two-letter ISO 639-1 code such as 'en', or one of ISO 639-3 such as 'ceb' for a language that has "
        f"none.{guess}"
    )


def require_language(word: str, where: str) -> Lang:
    """`word` itself.

    Raises:
        UserError: names `where`, the word and the code that was probably meant.
    """
    if is_language(word):
        return word
    raise UserError(f"{where}: {word!r} is not an ISO 639 language code; {language_help(word)}")


def language_of_file(path: Path, varieties: bool = False) -> Lang:
    """The language that the file's name tells: ``xquad.de.json``, ``dev-tr.json``, ``tatoeba.deu-eng.deu``.

    A code between dots decides: ``faq.it.jsonl``, ``ref.por-BR.txt`` (regions and scripts do not count without
    `varieties`), unless it is a country's as well (``faq.kr.jsonl``). Elsewhere the name must hold one code that is not
    a word as well: ``hr_faq`` and ``it_support`` tell nothing, nor does ``ms_marco``, though ``dev-ms`` does. Codes of
    two letters are looked for before those of three; those of ISO 639-3, which are words of many kinds (``new``), count
    between dots, where a script stands behind them or the name says them twice: ``tatoeba.ceb-eng.ceb``.

    Raises:
        UserError: when the name has no code, several, or one that may be a word.
    """
    parts = [part for part in path.name.split(".") if part.lower() not in _FORMATS.split()]
    regional = {m[1]: m[0] for m in _REGION.finditer(".".join(parts)) if m[2] or m[3]}
    name = _REGION.sub(
        lambda m: m[1] if _code(m[1]) or (m[1] in THREE_LETTERS and m[2]) else m[0], ".".join(parts)
    )

    def told(code: str) -> Lang:
        """The code's language, or its variety as the name has it."""
        variety = suggest_variety(regional[code]) if varieties and code in regional else None
        return variety or TWO_LETTERS.get(code, code)

    suffix = name.rpartition(".")[2].lower()
    words: list[str] = re.findall(r"[a-z0-9]+", name.lower())
    if "." in name and (
        (_code(suffix) and suffix not in _COUNTRIES.split())
        or (suffix in THREE_LETTERS and (words.count(suffix) > 1 or suffix in regional))
    ):
        return told(suffix)
    codes = [w for w in words if w in NAMES] or [w for w in words if w in TWO_LETTERS]
    found = sorted({TWO_LETTERS.get(code, code) for code in codes})
    if len(found) == 1:
        code = codes[-1]
        last = next((word for word in reversed(words) if word not in _PARTS.split()), "")
        sure = code not in _SHORT_FOR.split() or code == last or code in regional
        if sure and code not in f"{_WORDS} {_COUNTRIES}".split():
            return told(code)
        why = f"{code!r} in its name may be {NAMES[found[0]]}, or another word or a country"
    elif found:
        why = f"Its name holds several language codes ({', '.join(found)})"
    else:
        why = "Its name holds no language code"
    raise UserError(
        f"{path}: which language is it? {why}. Say it with --lang, one code for all files or one per file"
    )


def _code(word: str) -> Lang | None:
    """The language of a two-letter code, or of a three-letter code that has one, in any case."""
    word = word.lower()
    return word if word in NAMES else TWO_LETTERS.get(word)
