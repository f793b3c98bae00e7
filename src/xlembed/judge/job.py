"""Stage judge: rankings of several models -> grades by a language model, held against people's where there are any."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlembed.data.checks import Problems
from xlembed.data.opening import read_rows
from xlembed.data.sampling import drawn
from xlembed.data.task import Query, Task
from xlembed.evaluate.evaluated import read_evaluated
from xlembed.evaluate.search import search_all
from xlembed.files import atomic_folder, write_json
from xlembed.judge.result import Judged, JudgedPair, Precision
from xlembed.judge.tables import judge_grids
from xlembed.models.chat import Chat, Field, Prompt
from xlembed.models.endpoint import Failure
from xlembed.search.run import RAW_RANKING, read_trec
from xlembed.show.markdown import to_report
from xlembed.stats.kappa import Kappa, cohens_kappa
from xlembed.stats.prediction_powered import plain_mean, powered_mean
from xlembed.tracking.opening import open_model
from xlembed.words import UserError, counted
from xlembed.workspace import Watch, Workspace, unwatched

READY = Path(__file__).parent / "prompts" / "judge.txt"
BLANKS = ("question", "document")
FILE = "pairs.csv"
COLUMNS = [
    "need_id",
    "query_id",
    "query_lang",
    "question",
    "doc_id",
    "doc_lang",
    "document",
    "machine",
    "human",
]
GRADES = range(3)
GRADE = Field(
    "grade",
    {"type": "integer", "enum": list(GRADES)},
    lambda text: next((int(letter) for letter in text if letter.isdigit()), None),
)
Rankings = Mapping[str, Mapping[str, Sequence[str]]]
"""Model -> query -> documents, best first."""
Pair = tuple[str, str]
"""Need and document."""


def found_by(task: Task, models: Sequence[str], workspace: Workspace, watch: Watch = unwatched) -> Rankings:
    """The first documents that each model finds for each query: of its evaluation, or searched now without judgements.

    Raises:
        UserError: a model was not evaluated on the task as it is now, or cannot search.
    """
    depth = workspace.settings.judge.pooled
    if not task.unjudged:
        found = {}
        for evaluation in read_evaluated(task, models, workspace):
            run = read_trec(workspace.run_folder(task.name, evaluation.name) / RAW_RANKING)
            found[evaluation.name] = {query_id: docs[:depth] for query_id, docs in run.items()}
        return found
    if not models:
        raise UserError(
            "-m: which models shall be asked for documents? Nothing can be evaluated without judgements"
        )
    searched = {}
    for name in models:
        ref = open_model(workspace, name)
        rows = search_all(task, ref, workspace, depth, watch).rows
        searched[ref.slug] = {
            q.query_id: [task.documents[row].doc_id for row in of if row >= 0]
            for q, of in zip(task.queries, rows, strict=True)
        }
    return searched


def pooled(task: Task, rankings: Rankings, workspace: Workspace) -> dict[Pair, Query]:
    """Pairs to judge, each once for all translations of a question, and the question that is shown."""
    settings = workspace.settings.judge
    needs = sorted(task.originals, key=drawn(settings.judge_seed))[: settings.needs or None]
    of_need: dict[str, list[str]] = defaultdict(list)
    for query in task.queries:
        of_need[query.need_id].append(query.query_id)
    return {
        (need, doc_id): task.originals[need]
        for need in needs
        for query_id in of_need[need]
        for ranking in rankings.values()
        for doc_id in ranking.get(query_id, ())
    }


def prompts_of(
    task: Task, pairs: Mapping[Pair, Query], prompt: Prompt, longest: int
) -> list[list[dict[str, str]]]:
    """Messages of each pair."""
    documents = {d.doc_id: d for d in task.documents}
    return [
        prompt.messages(question=query.text, document=documents[doc_id].whole[:longest])
        for (_, doc_id), query in pairs.items()
    ]


def read_people(file: Path) -> dict[Pair, int]:
    """Grades of a `pairs.csv` whose column `human` a person filled in, in part.

    Raises:
        UserError: with every row that cannot be read.
    """
    problems = Problems()
    found: dict[Pair, int] = {}
    for row in read_rows(file, problems).rows:
        need, doc_id = row.required_id("need_id"), row.required_id("doc_id")
        said = str(row.values.get("human") or "").strip()
        if said and said not in map(str, GRADES):
            fix = "write 0, 1 or 2, or leave the cell empty"
            row.error("human", "bad grade", f"{said!r} is no grade", fix)
        elif said and need is not None and doc_id is not None:
            before = found.setdefault((need, doc_id), int(said))
            if before != int(said):
                message = f"{need} and {doc_id} have {said} here and {before} before"
                row.error("human", "two grades", message, "keep one of them")
    problems.raise_errors(str(file))
    if not found:
        raise UserError(f"{file}: no cell of the column human holds a grade")
    return found


def judge_pairs(
    task: Task,
    rankings: Rankings,
    pairs: Mapping[Pair, Query],
    messages: Sequence[list[dict[str, str]]],
    chat: Chat,
    workspace: Workspace,
    people: Mapping[Pair, int] | None = None,
    watch: Watch = unwatched,
) -> tuple[Judged, Task]:
    """Grades, agreement and precision in reports/judge/TASK/, and the task as the language model judges it.

    `pairs` come from `pooled`, `messages` from `prompts_of`; `people` are human grades of some pairs, None: the task's
    own, if people made them.

    Raises:
        UserError: the endpoint cannot be used, no pair has a grade of 1 or 2, or people graded none of the pairs.
    """
    if people and not people.keys() & pairs.keys():
        raise UserError(
            f"none of the {counted(len(people), 'grade')} by people is of a pair that is judged here: give the "
            "pairs.csv of this task with its ids as they were, and the same --needs and models"
        )
    answers = chat.ask(
        messages, GRADE, watch, "grades", lambda value, _: "" if value in GRADES else f"{value} is no grade"
    )
    graded = {pair: a for pair, a in zip(pairs, answers, strict=True) if not isinstance(a, Failure)}
    failures = Counter(a.reason for a in answers if isinstance(a, Failure))
    if not graded:
        raise UserError(f"no pair has a usable grade: {', '.join(failures) or 'there are no pairs'}")
    own = not (task.unjudged or task.machine_judged)
    human, source = people, "a file"
    if human is None:
        human = {(need, d): max(0, task.needs[need].get(d, 0)) for need, d in pairs} if own else {}
        source = "the task's judgements; what has none counts as 0"
    lang_of = {d.doc_id: d.lang for d in task.documents}
    rows = tuple(
        JudgedPair(
            need_id=need, query_id=query.query_id, query_lang=query.lang, doc_id=doc_id, doc_lang=lang_of[doc_id],
            machine=graded.get((need, doc_id)), human=human.get((need, doc_id)),
        )
        for (need, doc_id), query in pairs.items()
    )  # fmt: skip
    usage = chat.endpoint.usage
    result = Judged(
        task=task.name,
        task_digest=task.digest,
        judge=chat.name,
        models=tuple(rankings),
        depth=workspace.settings.judge.pooled,
        needs=len({need for need, _ in pairs}),
        pairs=rows,
        agreement=_agreement(rows, workspace.settings.evaluate.resamples),
        people=source if human else "",
        precision=tuple(
            found for model, of in rankings.items() if (found := _precision(model, of, task, graded, human))
        ),
        failures=dict(failures.most_common()),
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        cost=round(usage.cost, 6),
    )
    judged = _judged_task(task, pairs, graded, chat.name)
    with atomic_folder(workspace.reports("judge", task.name)) as folder:
        _write_pairs(task, result, folder / FILE)
        write_json(folder / "judge.json", result.to_json())
        (folder / "report.md").write_text(to_report(judge_grids(result)), encoding="utf-8")
    return result, judged


def _judged_task(task: Task, pairs: Mapping[Pair, Query], graded: Mapping[Pair, int], judge: str) -> Task:
    """The queries that were judged, with the machine's grades alone."""
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for (need, doc_id), grade in graded.items():
        grades[need][doc_id] = grade
    needs = {need for need, of in grades.items() if max(of.values()) >= 1}
    queries = tuple(q for q in task.queries if q.need_id in needs)
    if not queries:
        raise UserError(
            f"{judge} calls none of {len(graded):,} pairs right, so there is nothing to evaluate on"
        )
    lost = len({need for need, _ in pairs}) - len(needs)
    notes = [*task.notes, f"judged by the language model {judge}, not by people"]
    if lost:
        notes.append(f"{lost:,} questions left out: {judge} calls nothing right that was found for them")
    qrels = {q.query_id: grades[q.need_id] for q in queries}
    return replace(
        task, queries=queries, qrels=qrels, unjudged=False, machine_judged=True, notes=tuple(notes)
    )


def _agreement(rows: Sequence[JudgedPair], n_resamples: int) -> dict[str, Kappa]:
    """By language of the question, and together; right is a grade of 1 or more."""
    both = [row for row in rows if row.machine is not None and row.human is not None]
    groups: dict[str, list[JudgedPair]] = defaultdict(list)
    for row in both:
        groups[row.query_lang].append(row)
    groups["all"] = both
    return {
        name: cohens_kappa(
            [(row.machine or 0) >= 1 for row in of],
            [(row.human or 0) >= 1 for row in of],
            [row.need_id for row in of],
            n_resamples,
        )
        for name, of in groups.items()
        if of
    }


def _precision(
    model: str,
    ranking: Mapping[str, Sequence[str]],
    task: Task,
    graded: Mapping[Pair, int],
    human: Mapping[Pair, int],
) -> Precision | None:
    """Per need, the mean over its queries; needs with a document that nobody graded are left out of either."""
    machine, people = (_by_need(task, ranking, grades) for grades in (graded, human))
    if not machine:
        return None
    seen = [need for need in machine if need in people]
    alone = [machine[need] for need in machine if need not in people]
    return Precision(
        model=model,
        machine=plain_mean(list(machine.values())),
        human=plain_mean([people[need] for need in seen]) if seen else None,
        powered=powered_mean(alone, [machine[need] for need in seen], [people[need] for need in seen]),
    )


def _by_need(
    task: Task, ranking: Mapping[str, Sequence[str]], grades: Mapping[Pair, int]
) -> dict[str, float]:
    shares: dict[str, list[float]] = defaultdict(list)
    lacking = set()
    for query in task.queries:
        found = [grades.get((query.need_id, doc_id)) for doc_id in ranking.get(query.query_id, ())]
        if not found or None in found:
            lacking.add(query.need_id)
        else:
            shares[query.need_id].append(float(np.mean([(grade or 0) >= 1 for grade in found])))
    return {need: float(np.mean(of)) for need, of in shares.items() if need not in lacking}


def _write_pairs(task: Task, judged: Judged, path: Path) -> None:
    """A row per pair, for a person to fill in `human`; its byte order mark says that it is UTF-8."""
    documents = {d.doc_id: d for d in task.documents}
    queries = {q.query_id: q for q in task.queries}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for pair in judged.pairs:
            texts = {"question": queries[pair.query_id].text, "document": documents[pair.doc_id].whole}
            writer.writerow({**pair.to_json(), **texts})
