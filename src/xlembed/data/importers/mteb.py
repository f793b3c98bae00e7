"""MTEB's retrieval tasks, where that package is installed: `xlembed import mteb XQuADRetrieval --name xquad`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pycountry

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems
from xlembed.data.read_options import ReadOptions
from xlembed.data.reading import Rows
from xlembed.data.task import Document, Query
from xlembed.words import Lang, UserError


def read(files: Sequence[Path], options: ReadOptions, problems: Problems) -> Rows:
    """A task's subsets of one language each, those of --lang or all; pairs of languages are told and left out.

    Ids get the subset in front, since subsets may use the same ones.

    Raises:
        UserError: mteb is not installed, has no such retrieval task, or cannot fetch it.
    """
    if len(files) != 1:
        raise UserError(f"mteb: expected the name of one task, found {len(files)}")
    task = _open(str(files[0]))
    meta, place = task.metadata, Place(task.metadata.name)
    chosen = _of_one_language(task, options.langs, place, problems)
    source = f"MTEB {meta.name}, {meta.dataset['path']} @ {meta.dataset['revision']}"
    langs = tuple(sorted(set(chosen.values())))
    rows = Rows(Card(options.name, langs, source=source, licence=str(meta.license or "")), problems)
    parts = []
    for subset, lang in chosen.items():
        data, splits = task.dataset[subset], task.eval_splits
        if (split := next((name for name in splits if name in data), None)) is None:
            raise UserError(f"mteb: {meta.name}, {subset}: none of the splits {', '.join(splits)}")
        parts.append(("" if len(chosen) == 1 else f"{subset}:", lang, data[split]))
    for prefix, lang, data in parts:
        for row in data["corpus"]:
            rows.add_document(Document(prefix + row["id"], row["text"], lang, row.get("title") or ""), place)
    for prefix, lang, data in parts:
        for row in data["queries"]:
            query_id = prefix + row["id"]
            rows.add_query(Query(query_id, row["text"], lang, query_id), place)
        known = {row["id"] for row in data["queries"]}
        for query_id, judged in data["relevant_docs"].items():
            for doc_id, grade in judged.items() if query_id in known else ():
                rows.add_judgement(prefix + query_id, prefix + doc_id, int(grade), place)
    return rows


def _open(name: str) -> Any:
    try:
        import mteb
    except ImportError:
        raise UserError("mteb: the package is not installed: pip install 'mteb>=2.26,<3'") from None
    try:
        task = mteb.get_task(name)
    except KeyError as error:
        raise UserError(f"mteb: {str(error.args[0]).removeprefix('KeyError: ')[:300]}") from None
    if not hasattr(task, "convert_v1_dataset_format_to_v2"):
        raise UserError(
            f"mteb: {name} is of type {task.metadata.type}; only retrieval tasks have documents and queries"
        )
    try:
        task.load_data()
        task.convert_v1_dataset_format_to_v2(num_proc=None)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"mteb: {name} cannot be fetched ({type(error).__name__}: {str(error)[:200]})"
        ) from None
    return task


def _of_one_language(task: Any, langs: Sequence[Lang], place: Place, problems: Problems) -> dict[str, Lang]:
    told = task.metadata.eval_langs
    by_subset = told if isinstance(told, dict) else {"default": told}
    found: dict[str, Lang] = {}
    left_out = []
    for subset in task.hf_subsets:
        codes = {code.partition("-")[0] for code in by_subset[subset]}
        language = pycountry.languages.get(alpha_3=next(iter(codes))) if len(codes) == 1 else None
        lang = getattr(language, "alpha_2", None)
        if lang is None or subset not in task.dataset:
            left_out.append(subset)
        elif not langs or lang in langs:
            found[subset] = lang
    if left_out:
        done = "left out: of several languages, or of one without a code of two letters"
        problems.warn(place, "", "subset", ", ".join(left_out[:8]) + " ..." * (len(left_out) > 8), done)
    if not found:
        raise UserError(
            f"mteb: {task.metadata.name} has no subset of one language{' in ' * bool(langs)}{', '.join(langs)}"
        )
    if len(set(found.values())) < len(found):
        raise UserError(
            f"mteb: {', '.join(found)}: several subsets of one language; import them one by one with --lang"
        )
    return found
