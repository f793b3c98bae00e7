"""Stage check: a task -> a verdict on each of its queries, with reasons; and the task without the rejected ones."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xlembed.check.result import Asked, Checked, CheckedQuery, Doubt, Verdict
from xlembed.check.tables import check_grids
from xlembed.check.texts import copied_run, far_lengths
from xlembed.check.vectors import ask_model
from xlembed.data.checks import Problems
from xlembed.data.languages import language_name
from xlembed.data.opening import read_rows
from xlembed.data.spoken import other_language
from xlembed.data.task import Query, Task
from xlembed.data.text_digest import text_digest
from xlembed.files import atomic_folder, atomic_writer, write_json
from xlembed.llm_settings import CheckSettings
from xlembed.models.spec import ModelRef
from xlembed.show.markdown import to_report
from xlembed.words import Lang, UserError, counted, near_miss
from xlembed.workspace import Watch, Workspace, unwatched

FILE = "queries.csv"
COLUMNS = (
    *("query_id", "verdict", "reasons", "text", "lang", "need_id", "doc_id", "characters", "copied", "rank"),
    *("near_copies", "similarity", "original_rank"),
)
COPY_WORDS = 4
"""A shorter span is no proof of copying."""
Reason = tuple[Verdict, Doubt, str]


def check_queries(task: Task, ref: ModelRef, workspace: Workspace, watch: Watch = unwatched) -> Checked:
    """Look at every query of a task, judged or not, and write reports/check/TASK/: queries.csv to be edited, reports.

    Raises:
        UserError: the model cannot be loaded, or has no vector of a text; there are no queries.
    """
    if not task.queries:
        raise UserError(f"{task.name} has no queries: xlembed generate-queries -t {task.name} writes some")
    settings = workspace.settings.check
    told = ask_model(task, ref, settings.near_copy, workspace, watch)
    seen = [
        (query, asked, copied, [*of_text, *_of_model(query, asked, task, settings)])
        for query, asked, (copied, of_text) in zip(task.queries, told, _texts(task, settings), strict=True)
    ]
    rejected = {query.query_id for query, *_, of in seen if any(r[0] is Verdict.REJECT for r in of)}
    for query, *_, of in seen:
        original = task.originals[query.need_id].query_id
        if original != query.query_id and original in rejected:
            of.append((Verdict.REJECT, Doubt.ORIGINAL, f"its original {original} is rejected"))
    result = Checked(
        task=task.name,
        task_digest=task.digest,
        model=ref.slug,
        unmeasured=tuple(lang for lang in task.languages if ref.label(lang)),
        first=settings.found_by,
        queries=tuple(_row(*of) for of in seen),
    )
    with atomic_folder(workspace.reports("check", task.name)) as folder:
        write_verdicts(result.queries, folder / FILE)
        write_json(folder / "check.json", result.to_json())
        (folder / "report.md").write_text(to_report(check_grids(result)), encoding="utf-8")
    return result


def write_verdicts(rows: Sequence[CheckedQuery], path: Path) -> None:
    """A row per query, for a spreadsheet: its byte order mark says that it is UTF-8."""
    with atomic_writer(path) as file:
        file.write("\ufeff")
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            listed = {"reasons": "; ".join(row.reasons), "near_copies": " ".join(row.near_copies)}
            writer.writerow({**row.to_json(), **listed})


def read_verdicts(file: Path, task: Task) -> dict[str, Verdict]:
    """Query -> verdict of a file that `check-queries` or the explorer wrote and a person edited.

    Raises:
        UserError: with every row that names no query of the task or no verdict.
    """
    problems = Problems()
    known = {q.query_id for q in task.queries}
    found: dict[str, Verdict] = {}
    for row in read_rows(file, problems).rows:
        query_id, said = row.required_id("query_id"), row.text("verdict")
        if query_id is None or said is None:
            continue
        if query_id not in known:
            fix = f"use the file of {task.name} as it is now.{near_miss(query_id, known)}"
            row.error("query_id", "unknown query", f"{task.name} has no query {query_id!r}", fix)
        elif query_id in found:
            message = f"{query_id!r} stands in a row above"
            row.error("query_id", "repeated query", message, "keep one of the rows")
        elif (word := said.strip().lower()) not in list(Verdict):
            fix = f"write {', '.join(Verdict)}.{near_miss(word, Verdict)}"
            row.error("verdict", "unknown verdict", f"{said!r} is no verdict", fix)
        else:
            found[query_id] = Verdict(word)
    problems.raise_errors(str(file))
    return found


def apply_verdicts(task: Task, verdicts: Mapping[str, Verdict], source: str, name: str, review: str) -> Task:
    """The task without rejected queries, under a new name; those without a verdict stay.

    `source` is where the verdicts are from; `review` what becomes of queries that still say so: ``keep``, ``drop``, or
    nothing: they are refused.

    Raises:
        UserError: some still say `review`, or none is left.
    """
    open_ones = [query_id for query_id, verdict in verdicts.items() if verdict is Verdict.REVIEW]
    if open_ones and not review:
        raise UserError(
            f"{source}: {counted(len(open_ones), 'query', 'queries')} still to review, the first is {open_ones[0]}: "
            "write accept or reject, or say --review keep or --review drop"
        )
    dropped = {Verdict.REJECT, *([Verdict.REVIEW] if review == "drop" else [])}
    left = tuple(q for q in task.queries if verdicts.get(q.query_id) not in dropped)
    if not left:
        raise UserError(f"{source}: no query is left")
    note = f"{len(task.queries) - len(left):,} of {len(task.queries):,} queries left out after checks of their texts"
    qrels = {q.query_id: task.qrels[q.query_id] for q in left if q.query_id in task.qrels}
    return replace(task, name=name, queries=left, qrels=qrels, notes=(*task.notes, note))


def _texts(task: Task, settings: CheckSettings) -> Iterator[tuple[float | None, list[Reason]]]:
    """Share copied, and what the text alone gives reason for, of each query."""
    text_of = {d.doc_id: f"{d.title}\n{d.text}" for d in task.documents}
    lang_of = {d.doc_id: d.lang for d in task.documents}
    lengths: dict[Lang, list[int]] = defaultdict(list)
    for query in task.queries:
        lengths[query.lang].append(len(query.text))
    far = {lang: iter(far_lengths(of, settings.spread)) for lang, of in lengths.items()}
    first: dict[tuple[Lang, str], str] = {}
    for query in task.queries:
        found: list[Reason] = []
        if other := other_language(query.text, query.lang, task.languages):
            said = f"is in {language_name(other)}, not in {language_name(query.lang)}"
            found.append((Verdict.REJECT, Doubt.LANGUAGE, said))
        earlier = first.setdefault((query.lang, text_digest(query.text)), query.query_id)
        if earlier != query.query_id:
            found.append((Verdict.REJECT, Doubt.DUPLICATE, f"repeats {earlier}"))
        copied = None
        if query.doc_id in text_of and lang_of[query.doc_id] == query.lang:
            run, words = copied_run(query.text, text_of[query.doc_id])
            copied = run / max(1, words)
            if copied >= settings.copied and run >= COPY_WORDS:
                verdict = Verdict.REJECT if copied >= settings.copied_reject else Verdict.REVIEW
                said = f"{copied:.0%} of its words stand in its document in one piece"
                found.append((verdict, Doubt.COPIED, said))
        if next(far[query.lang]):
            found.append((Verdict.REVIEW, Doubt.LENGTH, f"{counted(len(query.text), 'character')} long"))
        yield copied, found


def _of_model(query: Query, asked: Asked, task: Task, settings: CheckSettings) -> Iterator[Reason]:
    if asked.near_copies:
        said = f"its document has near copies not judged right: {', '.join(asked.near_copies[:3])}"
        yield Verdict.REVIEW, Doubt.NEAR_COPIES, said
    if asked.rank is not None and asked.rank > settings.found_by:
        yield Verdict.REVIEW, Doubt.NOT_FOUND, f"finds its document at rank {asked.rank}"
    if asked.original_rank is not None and asked.original_rank > 1:
        others = counted(asked.original_rank - 1, "other question")
        said = f"{others} nearer to it than its original: {task.originals[query.need_id].text}"
        yield Verdict.REVIEW, Doubt.TRANSLATION, said


def _row(query: Query, asked: Asked, copied: float | None, reasons: Sequence[Reason]) -> CheckedQuery:
    worst = sorted(reasons, key=lambda reason: reason[0] is not Verdict.REJECT)
    return CheckedQuery(
        query_id=query.query_id,
        verdict=worst[0][0] if worst else Verdict.ACCEPT,
        reasons=tuple(said for *_, said in worst),
        doubts=tuple(doubt for _, doubt, _ in worst),
        text=query.text,
        lang=query.lang,
        need_id=query.need_id,
        doc_id=query.doc_id,
        native=query.native,
        characters=len(query.text),
        copied=copied,
        **vars(asked),
    )
