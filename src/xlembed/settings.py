"""Settings of every stage: defaults here, params.yaml over them, options over both; the one reader of that file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from xlembed.fields import DEVICE, SLUG, EntryOf, Modes, Section, Seed, Some, Words, _numbers
from xlembed.llm_settings import (
    ChatSettings,
    CheckSettings,
    EndpointSettings,
    GenerateSettings,
    JudgeSettings,
)
from xlembed.measures import parse_measures
from xlembed.words import Mode, OtherVersions, Pool

RESAMPLES = (100, 100_000)
"""Least and most; the most need 1.6 GB with many languages and measures."""


class RunSettings(Section):
    """What `dvc repro` runs: every model on every task."""

    tasks: Annotated[Words, Some] = ("reviews_sample",)
    """Tasks that `dvc repro` evaluates."""
    models: Annotated[Words, Some] = ("static_multilingual",)
    """Models that `dvc repro` evaluates."""

    @field_validator("tasks", "models")
    @classmethod
    def _are_slugs(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if "@" in name and name.startswith("models:/"):
                raise ValueError(
                    f"{name!r}: a registry alias moves, so results could not be reproduced; name the version"
                )
            if not SLUG.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a folder under data/ ({SLUG.pattern})"
                    if info.field_name == "tasks"
                    else f"{name!r} is no name for a path: give it an entry under `models:` ({SLUG.pattern})"
                )
        return names


class CorpusSettings(Section):
    """Which part of a task is used, and what counts as relevant."""

    keep_duplicates: bool = False
    """Keep identical documents apart instead of uniting them."""
    relevance: Literal["all", "own"] = "all"
    """all: every document of the right answer counts; own: only the query's own document."""
    max_documents_per_language: int | None = Field(default=None, ge=1)
    """Evaluate on a seeded part of the corpus that keeps every judged document."""


class EncodeSettings(Section):
    """How texts become vectors. Precision, length and dimension belong to the model's name (``+bf16+max128+dim64``)."""

    instruction: str = ""
    """Instruction of models that take one."""
    storage_dtype: Literal["float32", "float16"] = "float32"
    """Number format of stored vectors."""
    device: str = ""
    """cpu, cuda, cuda:1, mps; default: the best there is."""
    batch_tokens: int | None = Field(default=None, ge=1)
    """Tokens per batch; smaller needs less memory (unset: by device)."""
    backend: Annotated[str, EntryOf("embeddings.backends")] = "processes"
    """Who encodes: processes of this machine, or a Ray cluster."""
    workers: int | None = Field(default=None, ge=1)
    """Workers that share the texts (unset: this process alone; on Ray one per GPU, else per node)."""
    address: str = ""
    """Ray: address of the cluster (default: one on this machine)."""
    int8_margin: float = Field(default=0.01, gt=0, lt=1)
    """Refuse +int8 where more of the primary measure is lost on a sample of the task."""
    trust_remote_code: bool = False
    """Run code from the model's repository."""

    @field_validator("device")
    @classmethod
    def _is_device(cls, device: str) -> str:
        if device and not DEVICE.fullmatch(device):
            raise ValueError(f"{device!r} is no device: expected cpu, cuda, cuda:N or mps")
        return device

    def alone(self) -> Self:
        """The same for one process of this machine; how many share the texts, and where, changes no vector."""
        return self.model_copy(update={"backend": "processes", "workers": None, "address": ""})


class IndexSettings(Section):
    """The search engine; all but `engine` is for Elasticsearch only (docs/elasticsearch.md)."""

    engine: Annotated[str, EntryOf("search.engines")] = Field(
        default="exact", json_schema_extra={"option": "index"}
    )
    """Search engine."""
    type: Annotated[str, EntryOf("search.elastic.types")] = Field(
        default="hnsw", json_schema_extra={"option": "index_type"}
    )
    """Elasticsearch: how vectors are indexed."""
    m: int = Field(default=16, ge=2, le=512, json_schema_extra={"option": "hnsw_m"})
    """Elasticsearch: neighbours per vector in the graph."""
    ef_construction: int = Field(default=100, ge=1, le=3200)
    """Elasticsearch: candidates while the graph is built."""
    num_candidates: int = Field(default=100, ge=1, le=10_000)
    """Elasticsearch: candidates per shard while searching."""
    oversample: float | None = Field(default=None, ge=0, le=10)
    """Elasticsearch: rescored candidates per wanted one, for quantised types (unset: 3 for bbq_hnsw, else 0)."""
    shards: int = Field(default=1, ge=1, le=1024)
    """Elasticsearch: primary shards."""
    replicas: int = Field(default=0, ge=0, le=100)
    """Elasticsearch: copies, made after loading."""
    force_merge: bool = False
    """Elasticsearch: merge to one segment per shard after loading."""
    ignore_forecast: bool = False
    """Elasticsearch: load even if the cluster seems to have too little room."""


class EvaluateSettings(Section):
    """Modes, measures and depth."""

    modes: Annotated[Modes, Some] = tuple(Mode)
    """Ways of asking that are scored."""
    measures: Annotated[Words, Some] = (
        *(f"{family}@{k}" for family in ("accuracy", "recall", "precision") for k in (1, 3, 5, 10, 100)),
        "MRR@10",
        "MRR",
        "nDCG@10",
    )
    """For example accuracy@1,nDCG@10,MRR."""
    depth: int = Field(default=1000, ge=1)
    """Documents per ranking that are scored."""
    other_versions: OtherVersions = OtherVersions.IGNORE
    """What relevant documents in other languages count as."""
    resamples: int = 10_000
    """Bootstrap resamples, 100 to 100,000."""
    language_k: int = Field(default=5, ge=1)
    """Depth of the retrieval language matrix that is drawn."""
    other_language_gain: float = Field(default=0.5, ge=0, le=1)
    """Gain of a right document in another language in lang_nDCG, as a share of one in the query's."""

    @field_validator("resamples")
    @classmethod
    def _is_sane(cls, n: int) -> int:
        if not RESAMPLES[0] <= n <= RESAMPLES[1]:
            raise ValueError(
                f"expected {RESAMPLES[0]} to {RESAMPLES[1]:,} resamples: fewer give no interval, more cost memory "
                "and time and change no digit that is shown"
            )
        return n

    @field_validator("measures")
    @classmethod
    def _are_measures(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(m.name for m in parse_measures(names))

    @pydantic.model_validator(mode="after")
    def _fits_depth(self) -> EvaluateSettings:
        for measure in parse_measures(self.measures):
            if measure.cutoff and measure.cutoff > self.depth:
                raise ValueError(f"measure {measure.name} looks deeper than depth {self.depth}")
        if self.language_k > self.depth:
            raise ValueError(f"language_k {self.language_k} looks deeper than depth {self.depth}")
        return self


class CompareSettings(Section):
    """The primary measure of the family of tests, and its level."""

    primary_measure: str = "accuracy@1"
    """Measure of the primary family of tests."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the tests."""

    @field_validator("primary_measure")
    @classmethod
    def _is_measure(cls, name: str) -> str:
        return parse_measures([name])[0].name


class AnalyseSettings(Section):
    """How the geometry of a space is looked at (docs/analyse.md)."""

    sample_per_language: int = Field(default=1000, ge=10)
    """Documents of each language in the balanced sample, at most."""
    sampling_seed: Seed = 42
    """Of the sample, the folds, KMeans and t-SNE."""
    neighbours: int = Field(default=10, ge=1)
    """Neighbours of the neighbourhood purity."""
    folds: int = Field(default=5, ge=2)
    """Folds of the language classifier."""
    project_per_language: int = Field(default=500, ge=0)
    """Documents of each language in the t-SNE, at most; 0: none."""
    perplexity: float = Field(default=30.0, gt=1)
    """Of the t-SNE."""
    umap: bool = False
    """Draw UMAP of the same documents too; needs the extra umap."""
    word_pairs: str = ""
    """YAML file of word pairs for the morphology score (default: the bundled list)."""


class FinetuneSettings(Section):
    """Recipes that `dvc repro` runs."""

    recipes: Words = ()
    """Recipes that `dvc repro` runs, which takes minutes to hours; none by default."""

    @field_validator("recipes")
    @classmethod
    def _are_slugs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in names if not SLUG.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a ready recipe")
        return names


class PromoteSettings(Section):
    """The gate of a promotion, fixed before results are seen (docs/promote.md)."""

    name: str = "xlembed-retriever"
    """Registered model, when no MODEL is given."""
    task: str = "reviews_sample"
    """Task of the gate; it must serve nothing else."""
    metric: str = "accuracy@1"
    """Measure of the gate."""
    mode: Mode = Mode.CROSS_LINGUAL
    """Mode of the gate."""
    pool: Pool = Pool.ALL
    """Pool of the gate, for true_cross_lingual."""
    margin: float = Field(default=0.03, gt=0, lt=1)
    """Fall of one language that is still borne, 0.03 is 3 points."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Level of the tests."""
    strict: bool = False
    """Refuse while a fall beyond the margin is not excluded in every language."""
    margin_unknown: float = Field(default=0.15, gt=0, lt=1)
    """Refuse while a fall of one language by more than this is not excluded, 0.15 is 15 points."""

    @pydantic.model_validator(mode="after")
    def _margins_are_ordered(self) -> PromoteSettings:
        if self.margin_unknown < self.margin:
            raise ValueError(
                f"margin_unknown {self.margin_unknown:g} is below margin {self.margin:g}: a fall that is borne when it "
                "is known must be borne when it is not"
            )
        return self

    @field_validator("metric")
    @classmethod
    def _is_measure(cls, name: str) -> str:
        return parse_measures([name])[0].name


class ParadoxSettings(Section):
    """The paradox test: variants of each model, and margins fixed before results are seen (docs/paradox.md)."""

    variants: Words = Field(default=(), json_schema_extra={"option": "with"})
    """Suffixes to try on every model, for example center,interleave; auto: all remedies that fit, and a choice."""
    margin_mono: float = Field(default=0.03, gt=0, lt=1)
    """Score within languages below another that is still borne, 0.03 is 3 points."""
    margin_loss: float = Field(default=0.05, gt=0, lt=1)
    """Loss across languages that is still borne, 0.05 is 5 points."""
    margin_loss_share: float = Field(default=0.10, gt=0, lt=1)
    """The same as a share of the monolingual score."""
    margin_bm25: float = Field(default=0.10, gt=0, lt=1)
    """Monolingual score below bm25's with which a model is still judged (at most half of bm25's)."""

    @field_validator("variants")
    @classmethod
    def _are_suffixes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        bare = tuple(dict.fromkeys(name.removeprefix("+") for name in names))
        if wrong := [name for name in bare if not SLUG.fullmatch(name)]:
            raise ValueError(
                f"{wrong[0]!r} is no suffix of a model's name; expected for example dim64 or dim64+bf16"
            )
        return bare


class ExploreSettings(Section):
    """Why queries fail, and what is shown of a ranking (docs/explore.md)."""

    reference: str = "static_multilingual"
    """Model whose vectors decide what a near copy is, the same one for all that are compared."""
    near_copy_percentile: float = Field(default=95.0, gt=0, lt=100)
    """Two documents are near copies from this percentile on of the cosines of pairs in the same languages."""
    unknown_tokens: float = Field(default=0.2, gt=0, le=1)
    """A query is not understood from this share of unknown tokens on."""
    shown: int = Field(default=10, ge=1, le=100)
    """Documents shown of each ranking."""


class ProbeSettings(Section):
    """Probes on frozen vectors, and their rivals (docs/probe.md)."""

    tasks: Words = Field(default=("articles_sample",), json_schema_extra={"option": ""})
    """Scored texts that `dvc repro` probes; the first is the default of `xlembed probe`."""
    models: Words = Field(
        default=("static_multilingual", "all_minilm_l6_v2"), json_schema_extra={"option": ""}
    )
    """Models whose vectors are probed, where `-m` names none."""
    probes: Words = Field(default=("ridge", "mlp", "lightgbm"), json_schema_extra={"option": "probe"})
    """Probes."""
    rivals: Words = Field(default=(), json_schema_extra={"option": "rival"})
    """Rivals to fine-tune: ready ones (`minilm_lora`, ...) or YAML files; `none` for none."""
    split: Literal["documents", "published"] = "documents"
    """documents: 70/15/15 in whole documents; published: the file's own parts."""
    split_seed: Seed = 42
    """Of the split and of everything random in probes."""
    max_tokens: Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(_numbers)] = ()
    """Truncation study: cut texts at each of these numbers of tokens."""

    @field_validator("rivals", mode="before")
    @classmethod
    def _none_at_all(cls, names: Any) -> Any:
        return () if names == "none" else names

    @field_validator("tasks")
    @classmethod
    def _are_slugs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in names if not SLUG.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a folder under data/scored")
        return names


class Settings(Section):
    """All of params.yaml."""

    run: RunSettings = RunSettings()
    corpus: CorpusSettings = CorpusSettings()
    encode: EncodeSettings = EncodeSettings()
    index: IndexSettings = IndexSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    compare: CompareSettings = CompareSettings()
    analyse: AnalyseSettings = AnalyseSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    promote: PromoteSettings = PromoteSettings()
    paradox: ParadoxSettings = ParadoxSettings()
    explore: ExploreSettings = ExploreSettings()
    probe: ProbeSettings = ProbeSettings()
    endpoint: EndpointSettings = EndpointSettings()
    chat: ChatSettings = ChatSettings()
    generate: GenerateSettings = GenerateSettings()
    check: CheckSettings = CheckSettings()
    judge: JudgeSettings = JudgeSettings()
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Slug -> `source` (folder, Hub id, models:/name/version) and fields of its model card."""

    @field_validator("models")
    @classmethod
    def _named_by_slug(cls, models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, entry in models.items():
            if not SLUG.fullmatch(name) or "+" in name:
                raise ValueError(f"{name!r}: a model's name may hold letters, digits, '.', '_' and '-'")
            if re.fullmatch(r"models:/[^/]+@.+", str(entry.get("source", ""))):
                raise ValueError(
                    f"{name}: {entry['source']!r} is an alias, which moves; name a version (models:/name/3)"
                )
        return models

    @pydantic.model_validator(mode="after")
    def _has_its_headline(self) -> Settings:
        if (primary := self.compare.primary_measure) not in self.evaluate.measures:
            raise ValueError(
                f"evaluate.measures lacks {primary}, which is compare.primary_measure: change one of them"
            )
        return self
