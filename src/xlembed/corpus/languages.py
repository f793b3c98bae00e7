"""Languages by their ISO 639-1 codes, and what people write instead of them."""

from __future__ import annotations

import re
from pathlib import Path

from xlembed.types import Lang, UserError, near_miss

_TABLE = """
aa aar Afar
ab abk Abkhazian
ae ave Avestan
af afr Afrikaans
ak aka Akan
am amh Amharic
an arg Aragonese
ar ara Arabic
as asm Assamese
av ava Avaric
ay aym Aymara
az aze Azerbaijani
ba bak Bashkir
be bel Belarusian
bg bul Bulgarian
bi bis Bislama
bm bam Bambara
bn ben Bengali
bo bod Tibetan
br bre Breton
bs bos Bosnian
ca cat Catalan
ce che Chechen
ch cha Chamorro
co cos Corsican
cr cre Cree
cs ces Czech
cu chu Church Slavic
cv chv Chuvash
cy cym Welsh
da dan Danish
de deu German
dv div Dhivehi
dz dzo Dzongkha
ee ewe Ewe
el ell Greek
en eng English
eo epo Esperanto
es spa Spanish
et est Estonian
eu eus Basque
fa fas Persian
ff ful Fulah
fi fin Finnish
fj fij Fijian
fo fao Faroese
fr fra French
fy fry Western Frisian
ga gle Irish
gd gla Scottish Gaelic
gl glg Galician
gn grn Guarani
gu guj Gujarati
gv glv Manx
ha hau Hausa
he heb Hebrew
hi hin Hindi
ho hmo Hiri Motu
hr hrv Croatian
ht hat Haitian
hu hun Hungarian
hy hye Armenian
hz her Herero
ia ina Interlingua
id ind Indonesian
ie ile Interlingue
ig ibo Igbo
ii iii Nuosu
ik ipk Inupiaq
io ido Ido
is isl Icelandic
it ita Italian
iu iku Inuktitut
ja jpn Japanese
jv jav Javanese
ka kat Georgian
kg kon Kongo
ki kik Kikuyu
kj kua Kuanyama
kk kaz Kazakh
kl kal Kalaallisut
km khm Khmer
kn kan Kannada
ko kor Korean
kr kau Kanuri
ks kas Kashmiri
ku kur Kurdish
kv kom Komi
kw cor Cornish
ky kir Kirghiz
la lat Latin
lb ltz Luxembourgish
lg lug Ganda
li lim Limburgan
ln lin Lingala
lo lao Lao
lt lit Lithuanian
lu lub Luba-Katanga
lv lav Latvian
mg mlg Malagasy
mh mah Marshallese
mi mri Maori
mk mkd Macedonian
ml mal Malayalam
mn mon Mongolian
mr mar Marathi
ms msa Malay
mt mlt Maltese
my mya Burmese
na nau Nauru
nb nob Norwegian Bokmål
nd nde North Ndebele
ne nep Nepali
ng ndo Ndonga
nl nld Dutch
nn nno Norwegian Nynorsk
no nor Norwegian
nr nbl South Ndebele
nv nav Navajo
ny nya Nyanja
oc oci Occitan
oj oji Ojibwa
om orm Oromo
or ori Oriya
os oss Ossetian
pa pan Panjabi
pi pli Pali
pl pol Polish
ps pus Pushto
pt por Portuguese
qu que Quechua
rm roh Romansh
rn run Rundi
ro ron Romanian
ru rus Russian
rw kin Kinyarwanda
sa san Sanskrit
sc srd Sardinian
sd snd Sindhi
se sme Northern Sami
sg sag Sango
si sin Sinhala
sk slk Slovak
sl slv Slovenian
sm smo Samoan
sn sna Shona
so som Somali
sq sqi Albanian
sr srp Serbian
ss ssw Swati
st sot Southern Sotho
su sun Sundanese
sv swe Swedish
sw swa Swahili
ta tam Tamil
te tel Telugu
tg tgk Tajik
th tha Thai
ti tir Tigrinya
tk tuk Turkmen
tl tgl Tagalog
tn tsn Tswana
to ton Tonga
tr tur Turkish
ts tso Tsonga
tt tat Tatar
tw twi Twi
ty tah Tahitian
ug uig Uyghur
uk ukr Ukrainian
ur urd Urdu
uz uzb Uzbek
ve ven Venda
vi vie Vietnamese
vo vol Volapük
wa wln Walloon
wo wol Wolof
xh xho Xhosa
yi yid Yiddish
yo yor Yoruba
za zha Zhuang
zh zho Chinese
zu zul Zulu
"""
"""ISO 639-1, ISO 639-3 and the English name, one language per line."""

NAMES: dict[Lang, str] = {row.split(" ", 2)[0]: row.split(" ", 2)[2] for row in _TABLE.strip().splitlines()}
"""Two-letter code -> English name."""

_OTHER_CODES = """
alb sq, arm hy, baq eu, bur my, chi zh, cze cs, dut nl, fre fr, geo ka, ger de, gre el, ice is, mac mk, mao mi
may ms, per fa, rum ro, slo sk, tib bo, wel cy
cmn zh, arb ar, pes fa, zsm ms, lvs lv, ekk et, swh sw, uzn uz, azj az, khk mn, als sq, npi ne, ory or, plt mg
ydd yi, kmr ku, gaz om, pbt ps, quy qu, ayr ay
"""
"""Bibliographic codes of ISO 639-2, then members of what ISO 639-1 counts as one language."""

TWO_LETTERS: dict[str, Lang] = {row.split()[1]: row.split()[0] for row in _TABLE.strip().splitlines()}
"""Three-letter code (ISO 639-3, and the other codes above) -> two-letter code."""
TWO_LETTERS |= {pair.split()[0]: pair.split()[1] for pair in re.split("[,\n]", _OTHER_CODES.strip())}

_SLIPS: dict[str, Lang] = {
    **{"jp": "ja", "cn": "zh", "tw": "zh", "kr": "ko", "cz": "cs", "dk": "da", "ua": "uk", "gr": "el"},
    **{"vn": "vi", "iw": "he", "ji": "yi"},
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
    """Whether `code` is an ISO 639-1 code in lower case."""
    return isinstance(code, str) and code in NAMES


def suggest_language(word: str) -> Lang | None:
    """The code that `word` probably means: ``eng``, ``zh-CN``, ``EN``, ``deu_Latn``, ``German`` and the like.

    >>> suggest_language("eng"), suggest_language("zh-CN"), suggest_language("klingon")
    ('en', 'zh', None)
    """
    whole = word.strip().lower()
    for form in (whole, re.split(r"[-_.@ ]", whole)[0]):
        if form in NAMES:
            return form
        if form in TWO_LETTERS:
            return TWO_LETTERS[form]
        if form in _SLIPS:
            return _SLIPS[form]
    return {name.lower(): code for name, code in TWO_LETTERS_OF.items()}.get(whole)


def language_help(word: str) -> str:
    """What to write instead of `word`, as an instruction."""
    code = suggest_language(word)
    if code:
        varieties = "; varieties of a language are not told apart" if re.search(r"[-_]", word) else ""
        return f"write {code!r} ({NAMES[code]}{varieties})"
    # No near miss among codes: `ceb` (Cebuano) is no misspelt `ce` (Chechen).
    guess = near_miss(word.title(), TWO_LETTERS_OF) if len(word) > 3 else ""
    return f"use a two-letter ISO 639-1 code such as 'en'; languages without one are not served.{guess}"


def require_language(word: str, where: str) -> Lang:
    """`word` itself.

    Raises:
        UserError: names `where`, the word and the code that was probably meant.
    """
    if is_language(word):
        return word
    raise UserError(f"{where}: {word!r} is not an ISO 639-1 language code; {language_help(word)}")


def language_of_file(path: Path) -> Lang:
    """The language that the file's name tells: ``xquad.de.json``, ``dev-tr.json``, ``tatoeba.deu-eng.deu``.

    A code between dots decides: ``faq.it.jsonl``, ``ref.por-BR.txt`` (regions and scripts do not count), unless it is
    a country's as well (``faq.kr.jsonl``). Elsewhere the name must hold one code that is not a word as well: ``hr_faq``
    and ``it_support`` tell nothing, nor does ``ms_marco``, though ``dev-ms`` does. Two-letter codes are looked for
    before three-letter ones.

    Raises:
        UserError: when the name has no code, several, or one that may be a word.
    """
    parts = [part for part in path.name.split(".") if part.lower() not in _FORMATS.split()]
    with_region = {m[1] for m in _REGION.finditer(".".join(parts)) if m[2] or m[3]}
    name = _REGION.sub(lambda m: m[1] if _code(m[1]) else m[0], ".".join(parts))
    suffix = name.rpartition(".")[2].lower()
    if "." in name and (explicit := _code(suffix)) and suffix not in _COUNTRIES.split():
        return explicit
    words: list[str] = re.findall(r"[a-z0-9]+", name.lower())
    codes = [w for w in words if w in NAMES] or [w for w in words if w in TWO_LETTERS]
    found = sorted({TWO_LETTERS.get(code, code) for code in codes})
    if len(found) == 1:
        code = codes[-1]
        last = next((word for word in reversed(words) if word not in _PARTS.split()), "")
        sure = code not in _SHORT_FOR.split() or code == last or code in with_region
        if sure and code not in f"{_WORDS} {_COUNTRIES}".split():
            return found[0]
        why = f"{code!r} in its name may be {NAMES[found[0]]}, or another word or a country"
    elif found:
        why = f"Its name holds several language codes ({', '.join(found)})"
    else:
        why = "Its name holds no language code"
    raise UserError(
        f"{path}: which language is it? {why}. Say it with --lang, one code for all files or one per file"
    )


def _code(word: str) -> Lang | None:
    """The language of a two- or three-letter code, in any case."""
    word = word.lower()
    return word if word in NAMES else TWO_LETTERS.get(word)
