"""Settings of every stage: defaults here, params.yaml over them, options over both; the one reader of that file."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, field_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from xlembed.files import read_yaml, yaml_line
from xlembed.metrics.measures import parse_measures
from xlembed.types import Mode, OtherVersions, Pool, UserError, near_miss

PARAMS_FILE = Path("params.yaml")
DEVICE = re.compile(r"cpu|cuda(:[0-9]+)?|mps")
RESAMPLES = (100, 100_000)
"""Least and most; the most need 1.6 GB with many languages and measures."""
SLUG = re.compile(r"[A-Za-z0-9._+-]+")
"""What a model or task may be called where the name becomes a path."""


def _split(value: Any) -> Any:
    """``a,b`` -> [``a``, ``b``]: options and MLproject parameters are strings."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Modes = Annotated[tuple[Mode, ...], BeforeValidator(_split)]


class EntryOf:
    """The name of an entry of a registry: of a file in a folder, so that a new entry is one new file.

    Args:
        folder: of the registry, below the package; what is in it is not imported.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Of all entries, sorted."""
        package = importlib.import_module(f"{__package__}.{self.folder}")
        return sorted(module.name for module in pkgutil.iter_modules(package.__path__))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic checks a field of this kind."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, name: str) -> str:
        if name not in (known := self.names()):
            *most, last = map(repr, known)
            raise PydanticCustomError("literal_error", f"Input should be {', '.join(most)} or {last}")
        return name


class Section(BaseModel):
    """A section of params.yaml; an empty string means unset.

    What stands below a field is the help text of its option, which is called like the field unless the field says
    otherwise (an empty name: there is none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, values: Any) -> Any:
        return (
            {k: v for k, v in values.items() if v != "" and v is not None}
            if isinstance(values, dict)
            else values
        )


class RunSettings(Section):
    """What `dvc repro` runs: every model on every task."""

    tasks: Words = ("reviews_sample",)
    """Tasks that `dvc repro` evaluates."""
    models: Words = ("static_multilingual",)
    """Models that `dvc repro` evaluates."""

    @field_validator("tasks", "models")
    @classmethod
    def _are_slugs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if "@" in name and name.startswith("models:/"):
                raise ValueError(
                    f"{name!r}: a registry alias moves, so results could not be reproduced; name the version"
                )
            if not SLUG.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name for a path: give it an entry under `models:` ({SLUG.pattern})"
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
    batch_tokens: int = Field(default=16_384, ge=1)
    """Tokens per batch; smaller needs less memory."""
    trust_remote_code: bool = False
    """Run code from the model's repository."""

    @field_validator("device")
    @classmethod
    def _is_device(cls, device: str) -> str:
        if device and not DEVICE.fullmatch(device):
            raise ValueError(f"{device!r} is no device: expected cpu, cuda, cuda:N or mps")
        return device


class IndexSettings(Section):
    """The search engine; all but `engine` is for Elasticsearch only (docs/elasticsearch.md)."""

    engine: Annotated[str, EntryOf("stages.engines")] = Field(
        default="exact", json_schema_extra={"option": "index"}
    )
    """Search engine."""
    type: Annotated[str, EntryOf("index.elastic.types")] = Field(
        default="hnsw", json_schema_extra={"option": "index_type"}
    )
    """Elasticsearch: how vectors are indexed."""
    m: int = Field(default=16, ge=2, le=512)
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

    modes: Modes = tuple(Mode)
    """Ways of asking that are scored."""
    measures: Words = (
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
    """How the geometry of a space is looked at (docs/analysis.md)."""

    sample_per_language: int = Field(default=1000, ge=10)
    """Documents of each language in the balanced sample, at most."""
    sampling_seed: int = 42
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

    recipes: Words = ("shop_static",)
    """Recipes that `dvc repro` runs."""

    @field_validator("recipes")
    @classmethod
    def _are_slugs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in names if not SLUG.fullmatch(name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a ready recipe")
        return names


class PromoteSettings(Section):
    """The gate of a promotion, fixed before results are seen (docs/promotion.md)."""

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
    """Suffixes to try on every model, for example dim64,dim64+bf16."""
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


def _numbers(value: Any) -> Any:
    """``128,256`` -> [``128``, ``256``]; one number stands for itself."""
    return [value] if isinstance(value, int) and not isinstance(value, bool) else _split(value)


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
    rivals: Words = Field(default=("minilm_lora",), json_schema_extra={"option": "rival"})
    """Fine-tuned rivals: ready ones or YAML files; `none` for none."""
    split: Literal["documents", "published"] = "documents"
    """documents: 70/15/15 in whole documents; published: the file's own parts."""
    split_seed: int = 42
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
    probe: ProbeSettings = ProbeSettings()
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


UNCHANGED_RESULTS = frozenset(
    {
        "encode.device",
        "encode.batch_tokens",
        "encode.trust_remote_code",
        "index.replicas",
        "index.ignore_forecast",
    }
)
"""Settings that leave every vector and score as they are."""


def load_settings(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Defaults, then params.yaml, then `overrides` (``section.key`` -> value; None and "" are unset).

    Args:
        path: a params file that must exist; None takes ./params.yaml if there is one.
        overrides: from command-line options.

    Raises:
        UserError: names the file, every wrong section and key, and the allowed ones.
    """
    values: dict[str, Any] = {}
    source = path or PARAMS_FILE
    if path is not None or source.is_file():
        values = _read_yaml(source)
    for key, value in (overrides or {}).items():
        if value is not None and value != "":
            section, _, name = key.partition(".")
            values[section] = {**(values.get(section) or {}), name: value}
    try:
        return Settings.model_validate(values)
    except pydantic.ValidationError as error:
        raise UserError(_explain(error, source, overrides or {})) from None


def result_overrides(settings: Settings, base: Settings) -> list[str]:
    """Keys in which `settings` differs from `base` so that results may differ under the same file name."""
    changed = []
    for section in ("corpus", "encode", "index", "evaluate", "analyse"):
        ours, theirs = getattr(settings, section), getattr(base, section)
        changed += [
            f"{section}.{k}" for k in type(ours).model_fields if getattr(ours, k) != getattr(theirs, k)
        ]
    return [key for key in changed if key not in UNCHANGED_RESULTS]


def flatten(settings: Settings, sections: Iterable[str]) -> dict[str, str]:
    """`section.key` -> value in words, for run parameters."""
    flat = {}
    for section in sections:
        for key, value in getattr(settings, section).model_dump(mode="json").items():
            words = ",".join(map(str, value)) if isinstance(value, list) else value
            flat[f"{section}.{key}"] = "" if words is None else str(words)
    return flat


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected sections (key: value), found {type(values).__name__}")
    return values


def _explain(error: pydantic.ValidationError, source: Path, overrides: Mapping[str, Any]) -> str:
    typed = [key for key, value in overrides.items() if value is not None and value != ""]
    lines = []
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"])
        by_option = [key for key in typed if f"{place}.".startswith(f"{key}.") or key.startswith(f"{place}.")]
        line = yaml_line(source, problem["loc"]) if source.is_file() else None
        in_file = f"{source}:{line}: {place}" if line else f"{source}: {place}"
        where = f"option {', '.join(by_option)}" if by_option else in_file
        if problem["type"] == "extra_forbidden":
            known = _fields_beside(problem["loc"])
            lines.append(
                f"{where}: unknown; known here: {', '.join(known)}.{near_miss(str(problem['loc'][-1]), known)}"
            )
        else:
            found = "" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})"
            lines.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}{found}")
    return "\n".join(lines)


def _fields_beside(place: tuple[int | str, ...]) -> list[str]:
    model: Any = Settings
    for part in place[:-1]:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
