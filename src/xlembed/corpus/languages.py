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
    **{"vn": "vi", "iw": "he", "in": "id", "ji": "yi"},
    **{"farsi": "fa", "mandarin": "zh", "nynorsk": "nn", "castilian": "es"},
}
"""Country codes, withdrawn codes and other names -> the code meant."""


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
    named = {name.lower(): code for code, name in NAMES.items()}
    return named.get(whole)


def language_help(word: str) -> str:
    """What to write instead of `word`, as an instruction."""
    code = suggest_language(word)
    if code:
        return f"write {code!r} ({NAMES[code]})"
    return f"use a two-letter ISO 639-1 code such as 'en'.{near_miss(word.lower(), NAMES)}"


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

    A suffix that is a language code decides; else exactly one part of the name must be one; two-letter codes
    are looked for before three-letter ones.

    Raises:
        UserError: when the name has no code, or several.
    """
    suffix = path.suffix.removeprefix(".").lower()
    if suffix in NAMES or suffix in TWO_LETTERS:
        return TWO_LETTERS.get(suffix, suffix)
    parts = re.split(r"[^a-z]+", (path.name if path.is_dir() else path.stem).lower())
    three = sorted({TWO_LETTERS[p] for p in parts if p in TWO_LETTERS})
    found = sorted({p for p in parts if p in NAMES}) or three
    if len(found) == 1:
        return found[0]
    codes = f"several language codes ({', '.join(found)})" if found else "no language code"
    advice = f"Say it with --lang, e.g. --lang {found[0] if found else 'de'}"
    raise UserError(f"{path}: which language is it? Its name holds {codes}. {advice}")
