"""What an index of ours looks like: its name, mapping and manifest, all derived from what it holds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xlembed import __version__
from xlembed.search.elastic.index_type import find_type
from xlembed.settings import IndexSettings
from xlembed.words import Lang, UserError, base_language

PREFIX = "xlembed-"
FORMAT = 2
"""Version of the layout; part of the name, so that an older index is never taken for a new one."""
BESIDE = ("state", "tool_version", "mlflow_run_id", "encoding", "aliases")
"""Keys of a manifest that are no part of what an index is, and so not of its name."""
VECTOR = "vector"
ORIGINAL = "original"
"""Field that holds a text as it was given, where what is searched differs (`analysis.searchable`)."""
WORDS = "words"
"""Type of an index without vectors."""

BUILT_IN = {
    "ar": "arabic", "bg": "bulgarian", "bn": "bengali", "ca": "catalan", "cs": "czech", "da": "danish",
    "de": "german", "el": "greek", "en": "english", "es": "spanish", "et": "estonian", "eu": "basque",
    "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "gl": "galician", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "ja": "cjk", "ko": "cjk",
    "lt": "lithuanian", "lv": "latvian", "nb": "norwegian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "pt-BR": "brazilian", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "th": "thai",
    "tr": "turkish", "zh": "cjk",
}  # fmt: skip
"""Language -> analyzer that every server has; another language gets `standard`."""
PLUGINS = {
    "ja": ("analysis-kuromoji", "kuromoji"),
    "zh": ("analysis-smartcn", "smartcn"),
    "ko": ("analysis-nori", "nori"),
}
"""Language -> plugin and its analyzer, better than bigrams if it is on every node."""

_LETTERED = ("ja", "ko", "zh")
_TRADITIONAL = ("zh-Hant", "zh-TW", "zh-HK", "zh-MO")
"""What a dictionary of simplified Chinese (smartcn) cuts into single letters."""

SIMILARITY = {"type": "BM25", "k1": 1.2, "b": 0.75, "discount_overlaps": True}
"""How texts are scored: the server's own default, written out."""


def choose_analyzers(languages: Collection[Lang], plugins: Collection[str]) -> dict[Lang, str]:
    """The analyzer of each language's text field, by the plugins that every node has.

    >>> choose_analyzers(["de", "ja", "xx"], [])
    {'de': 'german', 'ja': 'cjk', 'xx': 'standard'}
    >>> choose_analyzers(["ja", "pt-BR", "zh-Hant"], ["analysis-kuromoji", "analysis-smartcn"])
    {'ja': 'kuromoji', 'pt-BR': 'brazilian', 'zh-Hant': 'cjk'}
    """
    chosen = {}
    for lang in sorted(languages):
        base = base_language(lang)
        plugin, analyzer = ("", "") if lang.startswith(_TRADITIONAL) else PLUGINS.get(base, ("", ""))
        built_in = BUILT_IN.get(lang) or BUILT_IN.get(base, "standard")
        chosen[lang] = analyzer if plugin in plugins else built_in
    return chosen


def loading_alias(name: str) -> str:
    """The alias that an index has while it is loading.

    Documents are written through it, with `require_alias`: if the index is deleted meanwhile, the server refuses
    them instead of making up an index of that name.
    """
    return f"{name}-loading"


def text_field(lang: Lang) -> str:
    """The field that holds texts of a language."""
    return f"text_{lang}"


def lettered(languages: Iterable[Lang]) -> list[Lang]:
    """Those whose texts have a second field, of single letters: analyzers of pairs find no query of one letter.

    >>> lettered(["zh-Hant", "de", "ja"])
    ['ja', 'zh-Hant']
    """
    return sorted(lang for lang in languages if base_language(lang) in _LETTERED)


def letters_field(lang: Lang) -> str:
    """The field that holds the letters of a text one by one, in languages that are `lettered`."""
    return f"letters_{lang}"


@dataclass(frozen=True)
class IndexSpec:
    """Everything that determines what an index holds and how it answers.

    Two specs that are equal have the same name; settings of a search (candidates, oversampling) and of
    operation (replicas) are not part of it.
    """

    task: str
    model: str
    task_digest: str
    documents_digest: str
    fingerprint: str
    revision: str
    dims: int
    """0 without vectors."""
    documents: int
    type: str
    m: int | None
    ef_construction: int | None
    shards: int
    segments: int | None
    """Segments per shard after a force merge; None without one."""
    analyzers: Mapping[Lang, str]
    copy: str = ""
    """Tells apart indices that are alike in all else: rebuilt to see how far two graphs differ, or padded."""
    format: int = FORMAT

    @property
    def name(self) -> str:
        """Name of the index: readable, then a digest of all the rest."""
        words = re.sub(r"[^a-z0-9_.]+", "-", f"{self.task}-{self.model}-{self.type}".lower()).strip("-._")
        return f"{PREFIX}{words[:150]}-{_digest(asdict(self))}"

    def manifest(self, *, state: str, run_id: str | None = None) -> dict[str, Any]:
        """What `_meta` holds."""
        return {
            "xlembed": {
                **asdict(self),
                "analyzers": dict(self.analyzers),
                "state": state,
                "tool_version": __version__,
                "mlflow_run_id": run_id or "",
            }
        }

    def describes(self, meta: Mapping[str, Any]) -> bool:
        """Whether a `_meta` was written for this spec."""
        ours = meta.get("xlembed") or {}
        wanted = self.manifest(state="")["xlembed"]
        return all(ours.get(key) == wanted[key] for key in asdict(self))

    def mapping(self) -> dict[str, Any]:
        """Fields by name; only those of words where there are no vectors."""
        return {
            "dynamic": "strict",
            "_source": {"excludes": [letters_field("*")]},
            "properties": {
                "id": {"type": "keyword"},
                "lang": {"type": "keyword"},
                "group": {"type": "keyword"},
                **{
                    text_field(lang): {"type": "text", "analyzer": analyzer}
                    for lang, analyzer in self.analyzers.items()
                },
                **{
                    letters_field(lang): {"type": "text", "analyzer": "standard"}
                    for lang in lettered(self.analyzers)
                },
                ORIGINAL: {"type": "text", "index": False},
                **({VECTOR: self._vector_field()} if self.type != WORDS else {}),
            },
        }

    def _vector_field(self) -> dict[str, Any]:
        return {
            "type": "dense_vector",
            "dims": self.dims,
            "element_type": "float",
            "index": True,
            "similarity": "dot_product",
            "index_options": find_type(self.type).options(self.type, self.m, self.ef_construction),
        }


def is_ours(name: str, meta: Mapping[str, Any]) -> bool:
    """Whether an index was built by this tool, in this or an older version: its name is the digest of its manifest."""
    ours = meta.get("xlembed")
    if not isinstance(ours, Mapping) or not name.startswith(PREFIX):
        return False
    return name.rpartition("-")[2] == _digest({k: v for k, v in ours.items() if k not in BESIDE})


def _digest(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]


def check_fits(settings: IndexSettings, dims: int) -> None:
    """Refuse what the server would refuse later, or worse, accept.

    Raises:
        UserError: names the setting and a choice that works.
    """
    if dims > 4096:
        raise UserError(
            f"vectors have {dims} dimensions, Elasticsearch takes at most 4096; cut them with --dim"
        )
    if why := find_type(settings.type).unfit(dims):
        raise UserError(why)


def oversample_of(settings: IndexSettings) -> float | None:
    """The oversampling that searches ask for, 0 to turn off the mapping's; None to ask for nothing."""
    return find_type(settings.type).oversample(settings.oversample)


def bytes_needed(spec: IndexSpec, text_bytes: int, *, source_holds_vectors: bool) -> tuple[int, int]:
    """(disk, memory outside the heap) that an index will need, estimated from Elastic's formulas.

    Source: Elasticsearch documentation, "Tune approximate kNN search" (per vector: quantised bytes, 4 m of graph).
    `text_bytes` are those of all texts, UTF-8; before 9.2 the source holds vectors as JSON text too.
    """
    n, dims = spec.documents, spec.dims
    raw, quantised, graph = 4 * n * dims, 0, 0
    if spec.type != WORDS:
        kind = find_type(spec.type)
        quantised = n * kind.quantised_bytes(dims) if kind.quantised_bytes else 0
        graph = 4 * n * (spec.m or 0) if kind.graph else 0
    searched = (quantised or raw) + graph
    source = 3 * text_bytes + (12 * n * dims if source_holds_vectors else 0)
    disk = raw + quantised + graph + source
    # Merging writes the new segment before it deletes the old ones.
    return disk * (3 if spec.segments else 2), searched
