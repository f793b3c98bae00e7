"""What `xlembed analyse` found about one model's vectors of a task: content of analysis.json and of its maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field

from xlembed.files import Record, Rounded, read_record
from xlembed.stats.scores import Score
from xlembed.words import Lang

MAPS = ("projection", "umap")
"""Files of documents on a plane, which may be missing."""
AGAIN = "run xlembed analyse"
Number = Annotated[Rounded, AfterValidator(lambda value: value + 0.0)]
"""Never -0.0."""


class Estimate(Record):
    """A number with both ends of its 95 % interval, or none."""

    value: Number
    ci_low: Number | None
    ci_high: Number | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, if there are any."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)


class Mean(Estimate):
    """A mean of `n` values in `n_clusters` groups, which are resampled."""

    ci_method: str
    n: int
    n_clusters: int

    @classmethod
    def of(cls, score: Score, **more: Any) -> Self:
        """A score, and what else the kind of mean says."""
        return cls(
            value=score.value,
            ci_low=score.ci_low,
            ci_high=score.ci_high,
            ci_method=str(score.ci_method),
            n=score.n_units,
            n_clusters=score.n_clusters,
            **more,
        )


class LanguageMean(Mean):
    """A measure of separation in one language; None: mean over languages."""

    measure: str
    lang: Lang | None


class PairMean(Mean):
    """Mean cosine of two languages; without `b` over several: ``same``, ``different`` or ``translations``."""

    a: str
    b: Lang | None


class Sample(Record):
    """The balanced sample of documents; `left_out`: languages with too few, and how many they have."""

    languages: list[Lang]
    per_language: int
    n_documents: int
    n_groups: int
    left_out: dict[Lang, int]


class Clumps(Record):
    """Silhouette of KMeans(2), and what it does not say."""

    value: Number
    note: str


class Space(Record):
    """How evenly the vectors, of `dim` numbers, use their directions; see `separation.isotropy`."""

    mean_cosine: Number
    partition: Number
    effective_dims: Number
    dim: int


class Morphology(Record):
    """One language: P(inflected > unrelated), and both mean cosines."""

    lang: Lang
    label: str
    superiority: Estimate
    inflected: Mean
    unrelated: Mean
    legacy_band: str
    words_without_vector: int


class Premium(Record):
    """Tokens of one language's texts, and as a multiple of those of the English texts."""

    kind: str
    lang: Lang
    tokens_per_text: Mean
    ratio: Mean


class Truncated(Record):
    """Share of one language's tokens that is lost, and of its texts that are cut."""

    kind: str
    lang: Lang
    share_lost: Mean
    share_cut: Mean


class Tokenisation(Record):
    """Tokens of all queries and of the sampled documents; `max_tokens` None: no limit."""

    base: Lang
    max_tokens: int | None
    premiums: list[Premium]
    truncation: list[Truncated]


class Faults(Record):
    """Vectors that are zero, NaN or infinite; some of their ids."""

    n: int
    zero: int
    not_finite: int
    zero_ids: list[str]
    not_finite_ids: list[str]


class Equal(Record):
    """Documents with equal vectors: how many groups, documents in them, and the first groups."""

    groups: int
    documents: int
    first: list[list[str]]


class Missed(Record):
    """A document that does not come first when its own text is asked."""

    document: str
    rank: int


class SelfRetrieval(Mean):
    """Share of documents that come first when their own text is asked, and the first that do not."""

    missed: list[Missed]


class Sanity(Record):
    """Is anything wrong with the vectors before one reads scores?"""

    documents: Faults
    queries: Faults
    duplicate_vectors: Equal
    self_retrieval: SelfRetrieval
    prompts: dict[str, str]
    prompts_missing: list[str]
    prompts_doubled: list[str]


class Place(Record):
    """A document on a plane."""

    document: str
    lang: Lang
    x: float
    y: float


class Map(Record):
    """Documents on a plane, and how they were placed; keys of the other method are not written."""

    method: str = "t-SNE"
    perplexity: float | None = None
    metric: str | None = None
    neighbours: int | None = None
    min_distance: float | None = None
    seed: int
    per_language: int
    languages: list[Lang]
    points: list[Place]

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        return self.model_dump(mode="json", exclude_none=True)


class Analysed(Record):
    """An analysis of any model; one that finds texts by their words has no vectors to look at."""

    format: Literal[1] = 1
    task: str
    task_digest: str
    alignment: str
    topic_confounded: bool
    model: str
    labels: dict[Lang, str]
    weights: str = ""
    vectors: bool = False

    def to_json(self) -> dict[str, Any]:
        """What analysis.json holds; `weights` only where there is something to say of them."""
        found = super().to_json()
        if not self.weights:
            del found["weights"]
        return found

    def params(self) -> dict[str, str]:
        """None: settings are logged before the work."""
        return {}

    def tags(self) -> dict[str, str]:
        """What the data and the vectors are."""
        confounded = {"topic_confounded": "true"} if self.topic_confounded else {}
        return {"fingerprint": "", "task_digest": self.task_digest, **confounded}

    def metrics(self) -> dict[str, float]:
        """None without vectors."""
        return {}


class Analysis(Analysed):
    """The analysis of a model with vectors; `maps`, by `MAPS`, have files of their own."""

    vectors: bool = True
    fingerprint: str
    settings: dict[str, Any]
    sample: Sample
    separation: list[LanguageMean]
    cosines: list[PairMean]
    translations: list[PairMean]
    silhouette_kmeans: Clumps
    isotropy: Space
    morphology: list[Morphology]
    tokenisation: Tokenisation
    sanity: Sanity
    notes: list[str]
    maps: dict[str, Map] = Field(default_factory=dict, exclude=True)

    def tags(self) -> dict[str, str]:
        """What the data and the vectors are."""
        return {**super().tags(), "fingerprint": self.fingerprint}

    def metrics(self) -> dict[str, float]:
        """`separation/purity@10`, `separation/de/silhouette`, `cosine/same`, `morphology/tr/superiority` ..."""
        found: dict[str, Estimate] = {
            f"separation/{of.lang + '/' if of.lang else ''}{of.measure}": of for of in self.separation
        }
        # single pairs are in the files
        found |= {f"cosine/{of.a}": of for of in (*self.cosines, *self.translations) if of.b is None}
        found |= {f"morphology/{of.lang}/superiority": of.superiority for of in self.morphology}
        tokens, sanity = self.tokenisation, self.sanity
        found |= {f"tokens/{of.kind}/{of.lang}/times_english": of.ratio for of in tokens.premiums}
        found |= {f"truncation/{of.kind}/{of.lang}/share_lost": of.share_lost for of in tokens.truncation}
        found["sanity/self_retrieval"] = sanity.self_retrieval
        metrics = {
            f"{name}{end}": x
            for name, of in found.items()
            for end, x in (("", of.value), ("/ci_low", of.ci_low), ("/ci_high", of.ci_high))
            if x is not None
        }
        metrics |= {f"isotropy/{name}": float(value) for name, value in self.isotropy}
        return metrics | {
            "silhouette_kmeans": self.silhouette_kmeans.value,
            "sanity/zero_vectors": float(sanity.documents.zero),
            "sanity/equal_vectors": float(sanity.duplicate_vectors.documents),
        }


def label_words(found: Sequence[Analysed]) -> str:
    """Which languages carry a label, model by model: ``m: language not supported: de, tr``."""
    langs: dict[str, list[str]] = {}
    for of in found:
        for lang, label in of.labels.items():
            langs.setdefault(f"{of.model}: {label}", []).append(lang)
    return " ".join(f"{words}: {', '.join(names)}." for words, names in langs.items())


def confounded(found: Sequence[Analysed]) -> list[str]:
    """What must be said where documents of different languages are different texts."""
    some = any(of.topic_confounded for of in found)
    return ["Topic confounded: documents of different languages are different texts here."] * some


def read_analysis(folder: Path) -> Analysed:
    """analysis.json, with the maps that are there.

    Raises:
        UserError: there is no finished analysis, or it is damaged.
    """
    path = folder / "analysis.json"
    content = read_record(path, AGAIN, {"vectors": bool})
    if not content["vectors"]:
        return Analysed.from_json(content, str(path), AGAIN)
    files = {name: folder / f"{name}.json" for name in MAPS}
    maps = {name: Map.read(file, AGAIN) for name, file in files.items() if file.is_file()}
    return Analysis.from_json(content, str(path), AGAIN).model_copy(update={"maps": maps})
