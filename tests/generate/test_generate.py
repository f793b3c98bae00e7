"""From documents without a question to an evaluated task, by the documented commands, against a loopback endpoint."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from llm_stub import Stub, chat
from xlembed.cli import xlembed
from xlembed.data.loading import load_task
from xlembed.words import UserError

DOCUMENTS = [
    ("d1", "en", "p1", "This kettle is so quiet that nobody in the office looks up when the water boils."),
    ("d2", "en", "p1", "A silent kettle with a short cord, which warms a litre of water in three minutes."),
    (
        "d3",
        "de",
        "p2",
        "Der Rucksack bleibt auch nach zwei Stunden im strömenden Regen innen vollkommen trocken.",
    ),
    (
        "d4",
        "de",
        "p3",
        "Mit dieser Lampe am Bett kann ich lange lesen, ohne dass meine Frau davon wach wird.",
    ),
    ("d5", "en", "p3", "Too short."),
]
QUESTIONS = {
    "d1": "Which kettle can I use at work without disturbing my colleagues?",
    "d2": "How long does it take to heat water for a pot of tea?",
    "d3": "Welche Tasche schützt meine Sachen bei einem langen Gewitter?",
    "d4": "Welches Licht stört den Partner im Schlafzimmer nicht?",
}
TRANSLATIONS = {
    QUESTIONS["d1"]: "Welchen Wasserkocher kann ich bei der Arbeit benutzen, ohne zu stören?",
    QUESTIONS["d2"]: "Wie lange dauert es, Wasser für eine Kanne Tee zu erhitzen?",
    QUESTIONS["d3"]: "Which bag keeps my things dry in a long thunderstorm?",
    QUESTIONS["d4"]: "Which light does not disturb my partner in the bedroom?",
}


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """What a good model says: of a document its question, of a question its translation."""
    text = body["messages"][-1]["content"]
    for doc_id, _, _, document in DOCUMENTS:
        if document in text:
            return chat(json.dumps({"questions": [QUESTIONS[doc_id]]}))
    (question,) = [q for q in TRANSLATIONS if q in text]
    return chat(f"Sure!\n```json\n{json.dumps({'translation': TRANSLATIONS[question]})}\n```")


def write_corpus(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows = [{"_id": i, "text": text, "lang": lang, "group": group} for i, lang, group, text in DOCUMENTS]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, since MLflow takes seconds to set up its database."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture
def stub(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.chdir(place)
    shutil.rmtree("data", ignore_errors=True)
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XLEMBED_API_MODEL", "writer")
    monkeypatch.setenv("XLEMBED_API_KEY", "sk-secret")
    write_corpus(place / "data" / "shop")
    stub = Stub(answer)
    with stub.serving() as url:
        monkeypatch.setenv("XLEMBED_API_URL", url)
        yield stub


def run(*words: str) -> Result:
    return CliRunner().invoke(xlembed, words, catch_exceptions=False)


def generate(*words: str) -> Result:
    return run("generate-queries", "-t", "shop", "--name", "asked", *words)


def test_questions_and_translations_make_a_task_that_knows_its_right_documents(stub: Stub) -> None:
    told = generate("--price-in", "1", "--price-out", "2").output
    assert (
        re.search(r"en +2 +2", told)
        and "4 answers, 0 more" in told
        and "tokens in" in told
        and "cost 0.0005" in told
    )
    task = load_task("asked")
    assert {q.query_id: (q.text, q.lang, q.doc_id) for q in task.queries} == {
        f"{i}-q1": (QUESTIONS[i], lang, i) for i, lang, *_ in DOCUMENTS if i in QUESTIONS
    }
    assert task.qrels["d1-q1"] == {"d1": 1, "d2": 1} and task.qrels["d4-q1"] == {"d4": 1, "d5": 1}
    assert "questions written by the language model writer about documents of shop" in task.notes
    run("translate-queries", "-t", "asked", "--name", "both")
    both = load_task("both")
    assert len(both.queries) == 8
    (translated,) = [q for q in both.queries if q.query_id == "d1-q1-de"]
    assert translated.text == TRANSLATIONS[QUESTIONS["d1"]] and translated.need_id == "d1-q1"
    assert not translated.native and both.qrels["d1-q1-de"] == {"d1": 1, "d2": 1}
    with pytest.raises(UserError, match="every question is asked in en, de already"):
        run("translate-queries", "-t", "both", "--name", "more", "--to", "en,de")
    n = len(stub.asked)
    assert "0 answers, 4 more from the cache" in generate("--force").output and len(stub.asked) == n
    for file in Path("data").rglob("*"):
        assert not file.is_file() or b"sk-secret" not in file.read_bytes()


def test_a_translation_never_takes_the_id_of_another_question(stub: Stub) -> None:
    folder = Path("data/shop")
    rows = [("q", QUESTIONS["d3"], "de"), ("q-en", QUESTIONS["d1"], "en")]
    lines = [json.dumps({"_id": i, "text": text, "lang": lang}) + "\n" for i, text, lang in rows]
    (folder / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td3\t1\nq-en\td1\t1\n")
    run("translate-queries", "-t", "shop", "--name", "both", "--to", "en")
    both = load_task("both")
    assert [q.query_id for q in both.queries] == ["q", "q-en", "q-en-en"]
    assert both.qrels["q-en"] == {"d1": 1} and both.qrels["q-en-en"] == {"d3": 1}


def test_varieties_and_languages_of_three_letters_are_named(stub: Stub, place: Path) -> None:
    corpus = place / "data" / "shop" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"en"', '"en-GB"'))
    assert generate().exit_code == 0
    assert run("translate-queries", "-t", "asked", "--to", "ceb", "--name", "both").exit_code == 0
    asked = [body["messages"][-1]["content"] for body in stub.asked]
    assert any("English, GB" in text for text in asked) and any("Cebuano" in text for text in asked)


def test_the_whole_way_to_an_evaluated_task(stub: Stub) -> None:
    """The commands of docs/generate.md."""
    page = (Path(__file__).parents[2] / "docs" / "generate.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"## One command\n\n```bash\n(.*?)```", page, re.DOTALL)
    commands = [line.split("  #")[0].split() for line in block.splitlines() if line.startswith("xlembed ")]
    assert [words[1] for words in commands] == [
        *("import", "generate-queries", "translate-queries", "check-queries", "check-queries", "run"),
    ]
    rows = "".join(f'{i},{group},{lang},"{text}"\n' for i, lang, group, text in DOCUMENTS)
    Path("products.csv").write_text(f"id,group,lang,text\n{rows}", encoding="utf-8")
    shutil.rmtree("data")
    told = [run(*words).output for _, *words in commands]
    assert "Next: xlembed generate-queries -t shop" in told[0]
    assert "queries     0 (0 needs" in run("tasks", "shop").output
    with pytest.raises(UserError, match="shop has no queries: xlembed generate-queries -t shop"):
        run("check-queries", "-t", "shop")
    clean = load_task(commands[-1][commands[-1].index("-t") + 1])
    assert {q.lang for q in clean.queries} == {"de", "en"} and {q.native for q in clean.queries} == {
        True,
        False,
    }
    card = Path("data", clean.name, "task.yaml").read_text(encoding="utf-8")
    assert (
        "left out after checks" in card and "no judged queries" not in card
    )  # loading would find that again
    (result,) = Path("results", clean.name).glob("static_multilingual.json")
    assert json.loads(result.read_text())


def test_a_model_that_misbehaves_costs_time_but_no_question(stub: Stub) -> None:
    stub.trouble = [
        429,
        500,
        chat(""),
        chat('{"questions": ["cut in the mid', finish="length"),
        chat("no JSON at all"),
        chat(json.dumps({"questions": ["Welche Kanne passt am besten in ein stilles Zimmer?"]})),
    ]
    generate("--concurrency", "1", "--attempts", "5", "--languages", "en")
    assert {q.text for q in load_task("asked").queries} == {QUESTIONS["d1"], QUESTIONS["d2"]}
    assert [body["seed"] for body in stub.asked[:3]] == [42, 42, 42]  # errors of the server change no seed


def test_what_cannot_be_used_is_left_out_and_told(stub: Stub) -> None:
    german = chat(json.dumps({"questions": ["Welche Kanne passt am besten in ein stilles Zimmer?"]}))
    stub.answer = lambda body: german
    told = generate("--attempts", "1").output
    assert "Without a usable answer: 2, it is in German, not in English." in told
    assert {q.lang for q in load_task("asked").queries} == {"de"}


def test_an_interruption_keeps_what_was_paid_for(stub: Stub) -> None:
    stub.trouble = [answer_of("d4"), 401]
    with pytest.raises(UserError, match="401"):
        generate("--concurrency", "1", "--retries", "0", "--languages", "de", "--answers", "json")
    assert not Path("data/asked").exists()
    told = generate("--languages", "de", "--answers", "json").output
    assert "1 answer, 1 more from the cache" in told


def answer_of(doc_id: str) -> dict[str, Any]:
    return chat(json.dumps({"questions": [QUESTIONS[doc_id]]}))


def test_an_endpoint_without_schemas_is_asked_for_plain_json(stub: Stub) -> None:
    stub.answer = lambda body: 400 if "response_format" in body else answer(body)
    generate("--concurrency", "1")
    assert ["response_format" in body for body in stub.asked] == [True, False, False, False, False]
    generate("--force")
    assert len(stub.asked) == 5
    stub.asked.clear()
    stub.answer = answer
    generate("--force", "--temperature", "0")
    assert all(
        body["response_format"]["json_schema"]["schema"]["required"] == ["questions"] for body in stub.asked
    )


def test_lines_of_plain_text_and_a_prompt_of_ones_own(stub: Stub, tmp_path: Path) -> None:
    prompt = tmp_path / "mine.txt"
    prompt.write_text("Ask {questions} in {language}: {document}", encoding="utf-8")
    stub.answer = lambda body: chat(
        '1. "Which kettle is the quietest one?"\n- How fast is it?\nAnd what', "length"
    )
    generate("--answers", "text", "--prompt", str(prompt), "--questions", "2", "--languages", "en")
    assert re.fullmatch(r"Ask 2 in English: .*", stub.asked[0]["messages"][0]["content"])
    assert {q.text for q in load_task("asked").queries} == {
        "Which kettle is the quietest one?",
        "How fast is it?",
    }
    prompt.write_text("Ask about {documents}")
    with pytest.raises(
        UserError, match=r"mine.txt:1: unknown blank \{documents\}; .*Did you mean 'document'"
    ):
        generate("--prompt", str(prompt))
    prompt.write_text("Ask.")
    with pytest.raises(UserError, match=r"must hold \{document\}"):
        generate("--prompt", str(prompt))


def test_nothing_is_asked_where_it_is_only_shown_or_would_be_lost(stub: Stub) -> None:
    shown = generate("--dry-run").output
    assert shown.startswith("4 requests with ") and "[system]" in shown
    assert "{document}" in run("generate-queries", "--show-prompt").output
    Path("data/asked").mkdir()
    with pytest.raises(UserError, match="exists already"):
        generate()
    with pytest.raises(UserError, match="no documents in 'fr'"):
        generate("--languages", "fr")
    with pytest.raises(UserError, match="lower --shortest"):
        generate("--shortest", "500")
    assert not stub.asked
