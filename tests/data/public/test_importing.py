"""What becomes of a public set: values that can be checked by hand, refusals, and what happens without a network."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from data.public.rows import belebele, repositories, reviews, squad, std, texts
from hub_stub import Hub
from xlembed.cli import xlembed
from xlembed.data.importing import Imported, import_files
from xlembed.data.pairs import load_pairs
from xlembed.data.public import layouts
from xlembed.data.public.entry import PublicSet, find_public_set, public_sets
from xlembed.data.public.importing import Wish, import_public
from xlembed.data.read_options import ReadOptions
from xlembed.data.task import Alignment, Task
from xlembed.words import UserError


def task_of(entry: PublicSet, target: Path, **wish: Any) -> Task:
    (found,) = import_public(entry, Wish(accepted=True, **wish), data_dir=target)
    assert isinstance(found, Imported)
    return found.task


def test_documents_queries_and_judgements_as_mteb_keeps_them(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("miracl_hard")
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id], "parquet")
    task = task_of(entry, tmp_path, langs=("de", "en"))
    assert [(d.doc_id, d.title) for d in task.documents if d.lang == "de"] == [
        ("de-0#0", ""),
        ("de-1#0", "T"),
    ]
    assert task.qrels["de-q0"] == {"de-0#0": 1, "de-1#0": 0} and task.qrels["en-q1"] == {
        "en-0#0": 0,
        "en-1#0": 1,
    }
    # One in each language names a document that is not there.
    assert any(
        note.startswith("2 judgements of queries or documents that are not there") for note in task.notes
    )
    assert task.alignment is Alignment.COMPARABLE and {q.need_id for q in task.queries} == {
        *("de-q0", "de-q1", "en-q0", "en-q1")
    }


def test_a_limit_keeps_the_judged_and_says_what_that_does_to_scores(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("mrtydi")
    rows = std("en", "en")
    rows["corpus"] += [
        {"_id": f"other{n}", "title": "", "text": f"Another text of number {n}."} for n in range(20)
    ]
    parts = {"corpus": "train", "queries": "test", "qrels": "test"}
    hub.write_rows(entry.hub_id, {f"english-{p}": {split: rows[p]} for p, split in parts.items()})
    task = task_of(entry, tmp_path, langs=("en",), options=ReadOptions(limit=5))
    assert len(task.documents) == 5 and {"en-0#0", "en-1#0"} <= {d.doc_id for d in task.documents}
    assert any("5 of 22 documents sampled, all 2 judged ones" in note for note in task.notes)


def test_equal_ids_are_translations_where_the_judgements_agree(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("mmarco")
    configs = {f"{lang}-{p}": {"dev": rows} for lang in ("de", "es") for p, rows in std(lang, lang).items()}
    hub.write_rows(entry.hub_id, configs)
    task = task_of(entry, tmp_path, langs=("de", "es"))
    assert task.alignment is Alignment.PARALLEL and {d.group for d in task.documents} == {"0#0", "1#0"}
    assert task.qrels["de-q0"] == task.qrels["es-q0"]
    configs["es-qrels"]["dev"][0]["score"] = 0.0
    configs["es-qrels"]["dev"][1]["score"] = 1.0
    other = entry.model_copy(update={"hub_id": "other/mmarco"})
    hub.write_rows(other.hub_id, configs)
    task = task_of(other, tmp_path / "b", langs=("de", "es"))
    assert task.alignment is Alignment.COMPARABLE
    assert any("they are not translations" in note for note in task.notes)


def test_a_pair_of_languages_has_its_own_corpus_and_shared_questions(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("mlqa")
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id])
    task = task_of(entry, tmp_path, langs=("de", "en"))
    assert len(task.documents) == 4 and len(task.queries) == 4
    # The German question is judged right in both corpora, and one need with the English one.
    assert {d for d, grade in task.qrels["de-q0"].items() if grade == 1} == {"de-0#0", "en-0#0"}
    assert {q.need_id for q in task.queries} == {"q0", "q1"}


def test_belebele_is_parallel_by_link_and_number(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("belebele")
    hub.write_rows(
        entry.hub_id,
        {c: {"test": belebele(lang)} for c, lang in {"tur_Latn": "tr", "deu_Latn": "de"}.items()},
    )
    task = task_of(entry, tmp_path, langs=("tur_Latn", "deu_Latn"))
    assert task.languages == ("tr", "de") and task.name == "belebele_tr_de"
    assert [d.doc_id for d in task.documents] == ["tr-c0000", "tr-c0001", "de-c0000", "de-c0001"]
    assert task.qrels["de-c0001-q2"] == {"tr-c0001": 1, "de-c0001": 1}


@pytest.mark.parametrize(
    "answers", [{"text": "ein"}, {"text": ["ein", "zwei"]}, [{"text": "ein"}], ["ein"], "ein"], ids=str
)
def test_answers_are_read_however_they_are_kept(answers: Any, hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("turhistquad").model_copy(update={"hub_id": f"a/b{abs(hash(str(answers)))}"})
    hub.write_rows(entry.hub_id, {"default": {"test": squad("tr", answers), "train": squad("tr", answers)}})
    task = task_of(entry, tmp_path)
    assert [d.text for d in task.documents] == texts("tr") and len(task.queries) == 2
    said = ReadOptions(documents="answers")  # type: ignore[arg-type]
    assert "ein" in {d.text for d in task_of(entry, tmp_path / "b", options=said).documents}


def test_squads_own_files_without_a_card(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("medturkquad")
    folder = hub.repository(f"datasets/{entry.hub_id}")
    folder.mkdir(parents=True)
    shutil.rmtree(folder)
    folder.mkdir()
    paragraphs = [
        {
            "context": row["context"],
            "qas": [{"id": row["id"], "question": row["question"], "answers": [{"text": "x"}]}],
        }
        for row in squad("tr")
    ]
    for split in ("train", "validation", "test"):
        content = {"data": [{"title": "t", "paragraphs": paragraphs}]}
        (folder / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")
    task = task_of(entry, tmp_path)
    assert [d.text for d in task.documents] == texts("tr") and len(task.queries) == 2


def test_reviews_of_a_product_answer_its_titles(hub: Hub, tmp_path: Path) -> None:
    """From the original files, by product: the third review is alone with its product and asks nothing."""
    folder = tmp_path / "original"
    folder.mkdir()
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in reviews())
    (folder / "dataset_test.json").write_text(lines, encoding="utf-8")
    (folder / "dataset_train.json").write_text("no JSON\n", encoding="utf-8")
    task = task_of(find_public_set("amazon_reviews"), tmp_path / "data", folder=folder)
    assert [(d.doc_id, d.group, d.lang) for d in task.documents] == [
        *(("r1", "p1", "de"), ("r2", "p1", "en"), ("r3", "p2", "en"))
    ]
    assert task.qrels == {"q-r1": {"r1": 1, "r2": 1}, "q-r2": {"r1": 1, "r2": 1}}
    assert [q.doc_id for q in task.queries] == ["r1", "r2"] and task.source == "original (test)"


def test_a_held_out_share_of_the_questions_is_dev(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("msmarco_tr").model_copy(
        update={"held_out": 0.5}
    )  # 10 hashes to 0.91, 11 to 0.03
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id], "parquet")
    import_public(entry, Wish(), data_dir=tmp_path)
    train, dev = load_pairs("msmarco_tr", tmp_path), load_pairs("msmarco_tr_dev", tmp_path)
    assert [r["positive"] for r in train.rows] == texts("tr")[:1]
    assert [r["positive"] for r in dev.rows] == texts("tr")[1:]


def _interrupted(*of: object) -> None:
    raise KeyboardInterrupt


def test_an_import_that_broke_off_goes_on_and_needs_no_network_then(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = find_public_set("stsb_tr")
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id])
    hub.fetched.clear()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("xlembed.data.public.source.Repository._read", _interrupted)
        import_public(entry, Wish(), data_dir=tmp_path)
    assert hub.fetched and not list(tmp_path.glob("pairs/[!.]*"))
    assert len(import_public(entry, Wish(), data_dir=tmp_path)) == 3
    assert len(hub.fetched) == len(set(hub.fetched))  # nothing twice
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert len(import_public(entry, Wish(force=True), data_dir=tmp_path)) == 3
    other = find_public_set("stsb_tr_google")
    with pytest.raises(UserError, match=r"offline mode is on(.|\n)*--repo-type dataset figenfikri/stsb_tr"):
        import_public(other, Wish(), data_dir=tmp_path)
    with pytest.raises(UserError, match=r"stsb_tr_train exists already: .*replace it with --force"):
        import_public(entry, Wish(), data_dir=tmp_path)


def test_a_copy_of_the_repository_is_read_in_place_of_the_hub(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("xquad")
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id])
    copy = shutil.copytree(hub.repository(f"datasets/{entry.hub_id}"), tmp_path / "copy")
    shutil.rmtree(copy / "xquad.en")  # a part is enough
    hub.fetched.clear()
    task = task_of(entry, tmp_path / "data", langs=("de", "tr"), folder=copy)
    assert not hub.fetched and task.alignment is Alignment.PARALLEL
    assert {d.group for d in task.documents} == {"p0001", "p0002"} and len(task.needs) == 2
    with pytest.raises(UserError, match="no files of rows"):
        task_of(entry, tmp_path / "data", langs=("en",), folder=copy)


def test_the_split_is_the_one_that_was_read(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("xquad")
    hub.write_rows(entry.hub_id, {"xquad.tr": {"test": squad("tr")}})
    copy = hub.repository(f"datasets/{entry.hub_id}")
    with pytest.raises(UserError, match="has no split 'tset': choose one of test"):
        task_of(entry, tmp_path, langs=("tr",), folder=copy, split="tset")
    task_of(entry, tmp_path, langs=("tr",), folder=copy)  # the entry says validation
    assert "(test)" in (tmp_path / "xquad_tr" / "task.yaml").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="--revision: a copy"):
        task_of(entry, tmp_path, langs=("tr",), folder=copy, revision="main", force=True)


def test_varieties_are_chosen_by_their_codes_too() -> None:
    found = find_public_set("belebele").choose(("ceb", "zh-Hant", "zh"))
    assert found == {"ceb": "ceb_Latn", "zh-Hant": "zho_Hant", "zh": "zho_Hans"}


def test_a_loading_script_is_never_run(hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set("miracl_judged")
    (hub.repository(f"datasets/{entry.hub_id}")).mkdir(parents=True, exist_ok=True)
    script = hub.repository(f"datasets/{entry.hub_id}") / "miracl.py"
    script.write_text("raise SystemExit('run')", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"needs its loading script miracl.py.*Take `miracl` or `miracl_hard`"
    ):
        import_public(entry, Wish(langs=("en",)), data_dir=tmp_path)
    script.unlink()


@pytest.mark.parametrize(
    ("name", "wish", "message"),
    [
        ("medturkquad", Wish(), "allows no commercial use.*--accept-licence"),
        ("xquad", Wish(langs=("fr",)), "xquad has no 'fr'"),
        ("xquad", Wish(langs=("deu",)), "Did you mean 'de'"),
        ("belebele", Wish(langs=("tr", "tur_Latn")), "are both 'tr' here"),
        ("tatoeba", Wish(langs=("en",)), "en comes with each of them"),
        ("xquad", Wish(name="a b"), "no name for a task"),
        ("stsb_tr", Wish(out=Path("x")), "gives 3 sets"),
        ("mlqa", Wish(langs=("es",)), "has none of its pairs; it has"),
        ("tatoeba", Wish(langs=("fr",)), "no rows of 'fra-eng'; there are"),
        ("stsb_multi_mt", Wish(langs=("fr",)), "has no configuration 'fr'.* It has de, en"),
        ("turhistquad", Wish(split="tset"), "no split 'tset': choose one of test, train"),
        ("turkish_rag_eval", Wish(), r"no column for text \('text'\); its rows have 'id', 'body'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals(name: str, wish: Wish, message: str, hub: Hub, tmp_path: Path) -> None:
    entry = find_public_set(name)
    configs = repositories(entry)[entry.hub_id]
    if name == "turhistquad":
        configs["default"]["train"] = configs["default"]["test"]
    if name == "turkish_rag_eval":
        configs["passages-corpus"]["test"] = [{"id": "1", "body": "x"}]
    hub.write_rows(entry.hub_id, configs)
    with pytest.raises(UserError, match=message):
        import_public(entry, wish, data_dir=tmp_path)
    assert not list(tmp_path.glob("[!.]*/task.yaml"))


def test_the_command(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = find_public_set("tatoeba")
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id])
    done = CliRunner().invoke(xlembed, ["import", "hub", "tatoeba"], catch_exceptions=False)
    assert done.exit_code == 0 and "Next: xlembed run -t tatoeba" in done.output, done.output
    assert "Licence: cc-by-2.0" in done.output and (tmp_path / "data/tatoeba/corpus.jsonl").is_file()
    entry = find_public_set("all_nli_tr")
    hub.write_rows(entry.hub_id, repositories(entry)[entry.hub_id])
    done = CliRunner().invoke(xlembed, ["import", "hub", "all_nli_tr"], catch_exceptions=False)
    told = " ".join(done.output.split())
    assert "pairs: all_nli_tr`" in told and "pairs: all_nli_tr_dev`" in told


@pytest.mark.parametrize("words", [["import", "hub"], ["tasks", "--hub"]], ids=" ".join)
def test_the_list_names_every_set_with_its_licence(words: list[str]) -> None:
    told = CliRunner().invoke(xlembed, words).output
    assert all(entry.name in told for entry in public_sets().values()) and "cc-by-nc-nd-4.0" in told
    shown = CliRunner().invoke(xlembed, ["tasks", "--hub", "--json"]).output
    assert len(json.loads(shown)) == len(public_sets())


@pytest.mark.parametrize("name", ["xquad", "tatoeba"])
def test_real_rows_give_the_same_task_as_the_real_files(
    name: str, hub: Hub, tmp_path: Path, shared_data: Path
) -> None:
    entry = find_public_set(name).model_copy(update={"hub_id": f"real/{name}"})
    files = [tmp_path / f"{name}.{lang}" for lang in ("de", "tr")]
    if name == "xquad":
        for file, lang in zip(files, ("de", "tr"), strict=True):
            whole = json.loads((shared_data / "xquad" / f"xquad.{lang}.json").read_text(encoding="utf-8"))
            file.write_text(json.dumps({"data": whole["data"][:3]}), encoding="utf-8")
        configs = {file.name: {"validation": squad_rows(file)} for file in files}
        langs, form = ("de", "tr"), "squad"
    else:
        files[0] = tmp_path / "tatoeba.en"
        every = [shared_data / "tatoeba" / f"tatoeba.tur-eng.{lang}" for lang in ("tur", "eng")]
        lines = [file.read_text(encoding="utf-8").splitlines()[:100] for file in every]
        for file, several in zip(files[::-1], lines, strict=True):
            file.write_text("\n".join(several) + "\n", encoding="utf-8")
        pairs = [{"sentence1": a, "sentence2": b, "lang": "tur-eng"} for a, b in zip(*lines, strict=True)]
        configs, langs, form = {"default": {"test": pairs}}, ("tr",), "tatoeba"
        files = files[::-1]
    hub.write_rows(entry.hub_id, configs, "parquet")
    task = task_of(entry, tmp_path, langs=langs)
    assert task.digest == import_files(form, files, "files", tmp_path / "files").task.digest


def squad_rows(file: Path) -> list[dict[str, Any]]:
    """SQuAD's articles as the Hub's rows."""
    return [
        {
            **{"id": question["id"], "context": paragraph["context"], "question": question["question"]},
            "answers": {"text": [answer["text"] for answer in question["answers"]]},
        }
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def test_an_entry_and_a_layout_are_a_file_each(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries" / "mine.yaml").write_text(
        "{description: d, hub_id: my/own, layout: mine, languages: [tr], split: test, licence: mit, size: two rows, "
        "citation: https://x.org}\n",
        encoding="utf-8",
    )
    (tmp_path / "layouts").mkdir()
    (tmp_path / "layouts" / "mine.py").write_text(
        "from xlembed.data.public.layouts.squad import read as read\n"
    )
    monkeypatch.setattr("xlembed.data.public.entry.ENTRIES", tmp_path / "entries")
    monkeypatch.setattr(layouts, "__path__", [*layouts.__path__, str(tmp_path / "layouts")])
    hub.write_rows("my/own", {"default": {"test": squad("tr")}})
    task = task_of(find_public_set("mine"), tmp_path / "data")
    sys.modules.pop(f"{layouts.__name__}.mine")
    assert task.name == "mine" and task.citation == "https://x.org" and len(task.queries) == 2
