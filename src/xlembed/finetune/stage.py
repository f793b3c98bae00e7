"""One training stage of a recipe: rows, teacher and model -> a model folder in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from xlembed.data.pairs import Kind, PairSet
from xlembed.embeddings.document_vectors import document_vectors
from xlembed.embeddings.encoding import open_encoding
from xlembed.files import atomic_folder, read_record, write_json
from xlembed.finetune.recipe import Stage
from xlembed.finetune.recipe_loading import Log, Opened, chosen_rows
from xlembed.models.fingerprint import LIBRARIES, base_fingerprint
from xlembed.models.hub import locate
from xlembed.models.loading import cut_at, load_for_training
from xlembed.models.selfcheck import check_tokenizer
from xlembed.models.spec import ModelRef
from xlembed.tracking.opening import open_model
from xlembed.words import Lang, Role, UserError
from xlembed.workspace import Watch, Workspace

if TYPE_CHECKING:
    from xlembed.finetune.training import StageData, StageResult

Model = Any
"""A SentenceTransformer; that library belongs into other rooms."""
SCHEME = 1
"""Raised when the same recipe comes to mean other weights."""
SUMMARY = "stage.json"
TEXTS = "texts.txt"
SEEN = "xlembed_texts.digests"
"""In a model folder: digests of the texts it was trained on, one per line; no part of its fingerprint."""


@dataclass(frozen=True)
class TrainedStage:
    """A finished stage in the cache.

    Attributes:
        key: hash of all that determines the weights.
        model: the folder.
        texts: digests of every text seen up to here, training and dev, sorted.
        trainable: rows of the table of trainable parameters.
        summary: what report.json says of it.
        reused: it was finished before.
    """

    key: str
    model: Path
    dim: int
    languages: Sequence[Lang]
    texts: Sequence[str]
    trainable: Sequence[dict[str, Any]]
    summary: Mapping[str, Any]
    reused: bool

    def to_json(self) -> dict[str, Any]:
        """Flat."""
        return {**self.summary, "reused": self.reused}


def read_columns(stage: Stage, columns: Sequence[str]) -> list[str]:
    """Of the rows a stage trains on: those of its sets, and those of the negatives it looks for."""
    if not stage.negatives:
        return list(columns)
    return [*columns, "negative", *(f"negative_{n}" for n in range(1, stage.negatives.per_row))]


def train_recipe_stage(
    opened: Opened,
    number: int,
    before: TrainedStage | None,
    workspace: Workspace,
    watch: Watch,
    log: Log,
    built: Callable[[Sequence[Mapping[str, Any]]], None],
) -> TrainedStage:
    """Train a stage on what the one before left, unless the cache has it.

    Every stage starts from a saved folder, so that one that follows a finished stage and one that follows an
    interrupted one see the same weights. Plain LoRA is therefore merged after each stage, and the next gets its own.
    `built` is told of the trainable parameters before the training, `log` of the curves.
    """
    stage = opened.recipe.stages[number]
    key = _key(opened, number, before, workspace)
    place = workspace.cache / "finetune" / key[:32]
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        reused = (place / SUMMARY).is_file()
        if not reused:
            _train(opened, stage, key, before, place, workspace, watch, log, built)
        found = _read(place, reused)
    if reused:
        built(found.trainable)
    return found


def _key(opened: Opened, number: int, before: TrainedStage | None, workspace: Workspace) -> str:
    """Chained, so that recipes that begin alike share their first stages; names and evaluations do not count."""
    recipe, stage = opened.recipe, opened.recipe.stages[number]
    parts: dict[str, Any] = {
        "scheme": SCHEME,
        "libraries": {name: version(name) for name in (*LIBRARIES, "peft", "accelerate")},
        "stage": stage.model_dump(mode="json", exclude={"name"}),
        "sets": {name: opened.sets[name].digest for name in sorted(_used_sets(stage))},
    }
    if stage.loss.labels == "teacher":
        parts["teacher"] = _weights(teacher_of(opened, stage, workspace), workspace)
    if before is not None:
        parts["before"] = before.key
        later = {"seed", "dtype", "max_tokens", "body", "adapter", "languages", "licence"}
        parts["recipe"] = recipe.model_dump(mode="json", include=later)
    else:
        parts["before"] = _weights(opened.base, workspace)
        told = {"name", "description", "base", "stages", "evaluate", "register_as"}
        parts["recipe"] = recipe.model_dump(mode="json", exclude=told)
        if recipe.student:
            parts["vocabulary"] = sorted(found.digest for found in _trained_sets(opened))
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _used_sets(stage: Stage) -> set[str]:
    return {data.pairs for data in stage.data} | ({stage.dev.pairs} if stage.dev else set())


def _trained_sets(opened: Opened) -> list[PairSet]:
    """What any stage trains on: a vocabulary is learnt from these texts, never from dev or evaluation sets."""
    names = dict.fromkeys(data.pairs for stage in opened.recipe.stages for data in stage.data)
    return [opened.sets[name] for name in names]


def _weights(ref: ModelRef, workspace: Workspace) -> str:
    trusted = workspace.settings.encode.trust_remote_code
    folder = locate(ref, trusted)
    return base_fingerprint(ref, folder, storage_dtype="float32", trust_remote_code=trusted).digest


def teacher_of(opened: Opened, stage: Stage, workspace: Workspace) -> ModelRef:
    """Whose vectors a distillation learns: the one that its loss names, else the base."""
    name = getattr(stage.loss, "teacher", None)
    return open_model(workspace, name) if name else opened.base


def _train(
    opened: Opened,
    stage: Stage,
    key: str,
    before: TrainedStage | None,
    place: Path,
    workspace: Workspace,
    watch: Watch,
    log: Log,
    built: Callable[[Sequence[Mapping[str, Any]]], None],
) -> None:
    """Build the model, train it, write its folder and what is to be told of it."""
    from xlembed.finetune.building import finish_model, save_model, trainable_parameters
    from xlembed.finetune.training import train_stage

    recipe = opened.recipe
    work = place.with_suffix(".work")
    model = open_stage_model(opened, before, workspace)
    trainable = trainable_parameters(model)
    built(trainable)
    data, counts = _stage_data(opened, stage, model, workspace, watch)
    limit = model.max_seq_length
    if stage.max_tokens:
        cut_at(model, min(stage.max_tokens, limit or stage.max_tokens))

    def tell(what: str, done: int, total: int) -> None:
        watch(f"{stage.name}: {what}", done, total)

    result = train_stage(model, stage, data, work, seed=recipe.seed, dtype=recipe.dtype, watch=tell, log=log)
    if stage.max_tokens:
        cut_at(model, limit)
    texts = _texts(opened, stage, before, workspace)
    card = _card(opened, before)
    with atomic_folder(place) as folder:
        save_model(finish_model(model), folder / "model", card)
        for path in (folder / TEXTS, folder / "model" / SEEN):
            path.write_text("".join(f"{digest}\n" for digest in texts), encoding="utf-8")
        told = {
            "key": key,
            "dim": model.get_embedding_dimension(),
            "languages": card["languages"],
            "trainable": trainable,
            "summary": _summary(stage, result, counts),
        }
        write_json(folder / SUMMARY, told)
    shutil.rmtree(work, ignore_errors=True)


def _summary(stage: Stage, result: StageResult, counts: Mapping[str, int] | None) -> dict[str, Any]:
    found = asdict(result)
    if stage.dev:
        found["dev"] = [{**look, "metric": stage.dev.metric} for look in found["dev"]]
    return {"name": stage.name, "loss": stage.loss.kind, "batch": stage.batch, "negatives": counts, **found}


def _read(place: Path, reused: bool) -> TrainedStage:
    needed = {"key": str, "dim": int, "languages": list, "trainable": list, "summary": dict}
    found = read_record(place / SUMMARY, f"remove {place} and run the same command again", needed)
    texts = (place / TEXTS).read_text(encoding="utf-8").split()
    return TrainedStage(**found, model=place / "model", texts=texts, reused=reused)


def open_stage_model(opened: Opened, before: TrainedStage | None, workspace: Workspace) -> Model:
    """The model as the stage starts on it: with pooling, head and adapter, and only what is to train unfrozen."""
    from xlembed.finetune.building import build_model

    recipe, settings = opened.recipe, workspace.settings.encode
    ref = opened.base if before is None else open_model(workspace, str(before.model))
    if recipe.max_tokens:
        ref = replace(ref, variation=replace(ref.variation, max_tokens=recipe.max_tokens))
    model = load_for_training(ref, device=settings.device, trust_remote_code=settings.trust_remote_code)
    if before is not None:  # pooling, head and vocabulary are in the folder
        return build_model(model, recipe.model_copy(update={"pooling": None, "head": None, "student": None}))
    if recipe.student:
        from xlembed.finetune.student import make_student

        texts = sorted(
            {text for found in _trained_sets(opened) for text in found.texts(recipe.student.languages)}
        )
        model = make_student(model, recipe.student, texts)
    # Before hours of training: a tokenizer that does not know the language.
    check_tokenizer(model.tokenizer, recipe.languages, recipe.name)
    return build_model(model, recipe)


def _stage_data(
    opened: Opened, stage: Stage, model: Model, workspace: Workspace, watch: Watch
) -> tuple[StageData, dict[str, int] | None]:
    """Rows in columns, with negatives or teacher vectors where the stage asks for them."""
    from xlembed.finetune.blending import epoch_rows, row_marks, spread
    from xlembed.finetune.training import DevData, StageData

    recipe, columns = opened.recipe, list(opened.sets[stage.data[0].pairs].columns)
    kinds = {opened.sets[data.pairs].kind for data in stage.data}
    symmetric = kinds <= {Kind.SCORED, Kind.TRANSLATIONS}
    prompts = {column: _prompt(model, column, symmetric) for column in (*columns, "negative")}
    rows: list[Mapping[str, Any]] = []
    sizes: list[int] = []
    counts: dict[str, int] | None = None
    for part in stage.data:
        chosen: Sequence[Mapping[str, Any]] = chosen_rows(part, opened.sets[part.pairs], recipe.seed)
        if stage.negatives:
            from xlembed.finetune.negatives import add_negatives

            watch(f"{stage.name}: negatives", 0, 1)
            found = add_negatives(chosen, stage.negatives, recipe.seed, model, prompts)
            if not found:
                raise UserError(
                    f"stage {stage.name}: no row of {part.pairs} finds {stage.negatives.per_row} negatives; ask for "
                    "fewer (negatives.per_row), look deeper (deepest, margin) or bring more rows"
                )
            counts = {"left_out": (counts or {}).get("left_out", 0) + len(chosen) - len(found)}
            chosen = found
        rows += chosen
        sizes.append(len(chosen))
    columns = read_columns(stage, columns)
    weights, batch = [data.weight for data in stage.data], stage.batch
    marks = row_marks(rows, columns[:2])

    def order(epoch: int) -> Any:
        drawn = epoch_rows(sizes, weights, recipe.seed, epoch)
        return drawn if stage.loss.labels else spread(drawn, marks, batch)

    teacher = None
    if (
        stage.loss.labels == "teacher"
    ):  # its vectors of the texts as documents, kept in the store like any other
        ref, texts = teacher_of(opened, stage, workspace), [row["anchor"] for row in rows]
        teacher = document_vectors(open_encoding(ref, workspace), texts, ref, watch, "teacher")
    dev = None
    if stage.dev:
        sides = (_prompt(model, column, symmetric=False) for column in ("anchor", "positive"))
        dev = DevData(opened.sets[stage.dev.pairs].rows, stage.dev.metric, *sides)
    data = StageData(
        columns={column: [row[column] for row in rows] for column in columns},
        order=order,
        prompts={column: prompts.get(column, prompts["negative"]) for column in columns},
        scores=[row["score"] for row in rows] if stage.loss.labels == "scores" else None,
        teacher=teacher,
        dev=dev,
    )
    return data, counts


def _prompt(model: Model, column: str, symmetric: bool) -> str:
    """Anchors of pairs are queries; everything else is read as a document."""
    role = Role.QUERY if column == "anchor" and not symmetric else Role.DOCUMENT
    return str(model.prompts.get(role.value) or "")


def _texts(opened: Opened, stage: Stage, before: TrainedStage | None, workspace: Workspace) -> list[str]:
    """Digests of every text that the model has seen up to here, dev included, and those of its base."""
    seen = set(before.texts) if before else set()
    trusted = workspace.settings.encode.trust_remote_code
    if before is None and (path := locate(opened.base, trusted) / SEEN).is_file():  # a fine-tuned base
        seen = set(path.read_text(encoding="utf-8").split())
    for name in _used_sets(stage):
        seen |= opened.sets[name].text_digests()
    return sorted(seen)


def _card(opened: Opened, before: TrainedStage | None) -> dict[str, Any]:
    """What the saved model says of itself: languages are the base's and the recipe's."""
    recipe, base = opened.recipe, opened.base.card
    languages = [*base.languages, *(lang for lang in recipe.languages if lang not in base.languages)]
    sets = {
        name: opened.sets[name].digest[:16]
        for stage in recipe.stages
        for name in (d.pairs for d in stage.data)
    }
    return {
        "languages": languages if recipe.languages else list(base.languages),
        "licence": recipe.licence or base.licence,
        "objective": ", ".join(dict.fromkeys(stage.loss.kind for stage in recipe.stages)),
        "training_data": f"{recipe.base}, then {', '.join(f'{n} ({d})' for n, d in sets.items())}",
        "base": recipe.base,
        "parameters": None,
    }


def rehearse(opened: Opened, workspace: Workspace) -> None:
    """Build the model as the training would and hold every stage against it: what would fail later fails now.

    Later stages start on a saved folder of the same shape, so that one model speaks for all.

    Raises:
        UserError: a part, a tokenizer, a teacher, a learning rate or a size does not fit.
    """
    from xlembed.finetune.training import check_stage

    model = open_stage_model(opened, None, workspace)
    dims: dict[str, int] = {}
    for stage in opened.recipe.stages:
        teacher_dim = None
        if stage.loss.labels == "teacher":
            teacher = teacher_of(opened, stage, workspace)
            if teacher.slug not in dims:
                dims[teacher.slug] = open_encoding(teacher, workspace).encoder().dim
            teacher_dim = min(dims[teacher.slug], teacher.variation.dim or dims[teacher.slug])
        columns = read_columns(stage, opened.sets[stage.data[0].pairs].columns)
        check_stage(stage, model, columns, teacher_dim)
