"""Publishing, rolling back, pruning and asking an alias, on a real server (the task is in toy.py)."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from elasticsearch import Elasticsearch

from fakes.toy import QUERIES, WORDS, save_toy_model, write_toy
from xlembed.cli import COMMANDS, xlembed
from xlembed.data.loading import open_task
from xlembed.evaluate.encode import encode
from xlembed.evaluate.index import index
from xlembed.evaluate.search import search
from xlembed.models.fingerprint import Fingerprint, derived_fingerprint
from xlembed.models.spec import Variation
from xlembed.publish import job as stage
from xlembed.publish.job import Published, publish, roll_back_alias
from xlembed.publish.published import Encoding, _check_same, search_alias
from xlembed.search.elastic import admin
from xlembed.search.elastic.connection import ENVIRONMENT, Server, connect
from xlembed.search.elastic.layout import is_ours
from xlembed.settings import IndexSettings, Settings
from xlembed.tracking.opening import open_model
from xlembed.words import UserError
from xlembed.workspace import Workspace

TASK = "pubtoy"
"""A name of its own: the server is shared with other tests, whose indices must not be pruned."""
Make = Callable[..., Workspace]


def settings(type: str = "hnsw", m: int = 16) -> IndexSettings:
    return IndexSettings(engine="elasticsearch", type=type, m=m)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture
def make(tmp_path: Path, model: Path, node: Any, monkeypatch: pytest.MonkeyPatch) -> Make:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    write_toy(tmp_path / "data" / TASK)

    def workspace(index: IndexSettings | None = None, **entries: dict[str, Any]) -> Workspace:
        models = {"toy": {"source": str(model)}, **entries}
        return Workspace(
            Settings(models=models, index=index or settings()), tmp_path, tmp_path / "out", node.url
        )

    return workspace


@pytest.fixture
def server(make: Make, node: Any) -> Server:
    return connect(node.url)


@pytest.fixture
def client(server: Server) -> Elasticsearch:
    return server.client


@pytest.fixture(autouse=True)
def _leave_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test made on the server is gone after it."""
    yield
    if "server" in request.fixturenames or "make" in request.fixturenames:
        client = connect(request.getfixturevalue("node").url).client
        for pattern in (f"xlembed-{TASK}-*", "foreign-*", "xlembed-foreign-*"):
            for name in client.indices.get(index=pattern):
                client.indices.delete(index=name)


def built(workspace: Workspace, name: str = "toy") -> None:
    task, ref = open_task(workspace, TASK), open_model(workspace, name)
    encode(task, ref, workspace)
    index(task, ref, workspace)


def published(workspace: Workspace, alias: str = "shop", name: str = "toy", **options: Any) -> Published:
    built(workspace, name)
    return publish(open_task(workspace, TASK), open_model(workspace, name), workspace, alias, **options)


def holders(client: Elasticsearch, alias: str) -> list[str]:
    return sorted(client.indices.get_alias(name=alias))


# Publishing


def test_an_alias_that_can_be_asked(make: Make, client: Elasticsearch) -> None:
    done = published(make())
    assert (done.documents, done.recall, done.queries, done.replaced) == (5, 1.0, 5, None)
    assert not done.exercised, "five documents are scanned"
    assert holders(client, "shop") == [done.index]
    answer = search_alias("shop", "boat", make(), k=2)
    assert (answer.index, answer.model) == (done.index, "toy")
    assert [hit["doc_id"] for hit in answer.hits] == ["d-en-1", "d-de-1"]
    assert [round(hit["score"], 5) for hit in answer.hits] == [1.0, 0.8]
    assert answer.hits[0] == answer.hits[0] | {"rank": 1, "lang": "en", "text": "boat", "group": "boat"}
    assert set(answer.hits[0]) == {"rank", "score", "doc_id", "lang", "text", "group"}, "no vector"
    sent = client.search(index="shop", **{k.lstrip("_"): v for k, v in answer.request.items()})
    assert [hit["_id"] for hit in sent["hits"]["hits"]] == ["d-en-1", "d-de-1"], "any client can ask the same"
    german = search_alias("shop", "boat", make(), k=3, lang="de")
    assert [hit["doc_id"] for hit in german.hits] == ["d-de-1", "d-de-2", "d-de-3"]


def test_the_same_again_changes_nothing(make: Make, client: Elasticsearch) -> None:
    first, second = published(make()), published(make())
    assert second.replaced == first.index == second.index
    assert holders(client, "shop") == [first.index]
    with pytest.raises(UserError, match="no index before it is known"):
        roll_back_alias(make(), "shop")


def test_what_the_manifest_tells(make: Make, client: Elasticsearch, tmp_path: Path, model: Path) -> None:
    done = published(make())
    (body,) = client.indices.get(index="shop").values()
    meta = body["mappings"]["_meta"]
    assert is_ours(done.index, meta)
    ours = meta["xlembed"]
    assert ours["encoding"]["model"] == "toy" and ours["encoding"]["query_prompt"] == ""
    assert derived_fingerprint(ours["encoding"]["base_fingerprint"], None) == ours["fingerprint"]
    assert ours["aliases"]["shop"]["recall_at_10"] == 1.0 and ours["aliases"]["shop"]["num_candidates"] == 100
    for place in (tmp_path, model, Path.home()):
        assert str(place) not in json.dumps(meta)


def test_missing_loading_and_incomplete(make: Make, client: Elasticsearch) -> None:
    workspace = make()
    task, ref = open_task(workspace, TASK), open_model(workspace, "toy")
    with pytest.raises(UserError, match=r"is missing\. Run first: xlembed run --index elasticsearch"):
        publish(task, ref, workspace, "shop")
    built(make(settings(m=20)))
    with pytest.raises(UserError, match=r"there are: xlembed-pubtoy-toy-hnsw-\w+ \(hnsw, m 20, complete\)"):
        publish(task, ref, workspace, "shop")
    built(workspace)
    name = json.loads(workspace.index_file(TASK, "toy").read_text())["name"]
    (body,) = client.indices.get_mapping(index=name).values()
    meta = body["mappings"]["_meta"]
    client.indices.put_mapping(index=name, meta={"xlembed": {**meta["xlembed"], "state": "loading"}})
    with pytest.raises(UserError, match="is still loading"):
        publish(task, ref, workspace, "shop")
    client.indices.put_mapping(index=name, meta=meta)
    client.delete(index=name, id="d-de-1")  # not refreshed: publishing must look itself
    with pytest.raises(UserError, match="holds 4 documents instead of 5"):
        publish(task, ref, workspace, "shop")
    assert not client.indices.exists_alias(name="shop")


def test_an_index_of_the_task_as_it_was(make: Make, tmp_path: Path) -> None:
    """A setting that an index lacks is not told; what sets it apart is."""
    workspace = make(settings("flat"))
    built(workspace)
    write_toy(tmp_path / "data" / TASK, queries=QUERIES[:-1])
    with pytest.raises(UserError, match=r"there are: \S+ \(flat, complete, of other texts or judgements\)"):
        publish(open_task(workspace, TASK), open_model(workspace, "toy"), workspace, "shop")


def test_answers_that_disagree_with_exact_search(
    make: Make, client: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make(settings("flat"))
    built(workspace)
    name = json.loads(workspace.index_file(TASK, "toy").read_text())["name"]
    for doc_id, word in (("d-en-2", "haus"), ("d-de-3", "cat")):
        client.update(index=name, id=doc_id, doc={"vector": list(WORDS[word])}, refresh=True)
    monkeypatch.setattr(stage, "RECALL_K", 1)  # ten documents are more than there are
    # The nearest of boat, boot and katze is found, that of cat is not.
    with pytest.raises(UserError, match=r"0.8000 of the 1 exact nearest .* \(5 queries\), 0.95 is wanted"):
        publish(open_task(workspace, TASK), open_model(workspace, "toy"), workspace, "shop")
    assert not client.indices.exists_alias(name="shop")
    done = publish(open_task(workspace, TASK), open_model(workspace, "toy"), workspace, "shop", wanted=0.7)
    assert done.recall == 0.8


@pytest.mark.parametrize("name", ["toy+interleave", "toy+local2", "toy+center", "toy+center+z2", "toy+abtt1"])
def test_an_alias_answers_with_the_remedy_that_was_evaluated(make: Make, name: str) -> None:
    """As exact search over the task with the same remedy does; scores as far as the server's float32 goes."""
    done = published(make(), name=name)
    answer = search_alias("shop", "boat", make(), k=4, query_lang="en")
    assert answer.index == done.index and answer.model == name
    task, here = open_task(make(), TASK), make(IndexSettings())
    wanted = search("boat", task, open_model(here, name), here, k=4, lang=None, query_lang="en")
    assert [hit["doc_id"] for hit in answer.hits] == [hit["doc_id"] for hit in wanted]
    assert [hit["rank"] for hit in answer.hits] == [1, 2, 3, 4]
    for hit, other in zip(answer.hits, wanted, strict=True):
        assert hit["score"] == pytest.approx(other["score"], abs=1e-4)
    one = search_alias("shop", "boat", make(), k=2, lang="de", query_lang="en")
    assert {hit["lang"] for hit in one.hits} == {"de"} and isinstance(one.request, dict)


def test_two_aliases_of_one_index_may_merge_languages_otherwise(make: Make) -> None:
    plain, merged = published(make(), "plain"), published(make(), "merged", name="toy+interleave")
    assert plain.index == merged.index
    asked = [search_alias(alias, "boat", make(), k=4) for alias in ("plain", "merged")]
    assert [a.model for a in asked] == ["toy", "toy+interleave"]
    assert [type(a.request) for a in asked] == [dict, list]


def test_a_language_without_statistics_is_told(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    published(make(), name="toy+center")
    search_alias("shop", "boat", make(), k=1, query_lang="tr")
    assert "tr: too few documents, statistics of all languages are used (center)" in caplog.text


@pytest.mark.parametrize("pattern", ["*", "_all", "sho*", "shop,shop", "<shop>"])
def test_a_pattern_is_not_searched_without_the_remedy_of_the_alias(make: Make, pattern: str) -> None:
    published(make(), name="toy+interleave")
    with pytest.raises(UserError, match=r"is no name: shop$"):
        search_alias(pattern, "boat", make(), k=1)


def test_words_are_not_published(make: Make) -> None:
    workspace = make()
    with pytest.raises(UserError, match="searches words"):
        publish(open_task(workspace, TASK), open_model(workspace, "bm25"), workspace, "shop")


@pytest.mark.parametrize("alias", ["Shop", "", "xlembed-shop", "a*", "a,b", "-a", "_all"])
def test_names_that_no_alias_may_have(make: Make, alias: str) -> None:
    workspace = make()
    with pytest.raises(UserError, match="expected small letters"):
        publish(open_task(workspace, TASK), open_model(workspace, "toy"), workspace, alias)


# Rolling back


def test_back_to_the_index_before(make: Make, client: Elasticsearch) -> None:
    a, b, c = (published(make(settings(m=m))) for m in (16, 17, 18))
    assert (b.replaced, c.replaced) == (a.index, b.index)
    assert roll_back_alias(make(), "shop") == (b.index, c.index)
    assert holders(client, "shop") == [b.index]
    assert roll_back_alias(make(), "shop") == (a.index, b.index)
    with pytest.raises(UserError, match="no index before it is known"):
        roll_back_alias(make(), "shop")
    assert published(make(settings(m=18))).replaced == a.index
    assert published(make(settings(m=16))).replaced == c.index
    assert roll_back_alias(make(), "shop") == (c.index, a.index)
    with pytest.raises(UserError, match="no index before it is known"):
        roll_back_alias(make(), "shop")  # a came after c only once


def test_aliases_have_histories_of_their_own(make: Make, client: Elasticsearch) -> None:
    first = published(make(), "shop")
    published(make(settings(m=17)), "shop")
    published(make(settings(m=17)), "other")
    with pytest.raises(UserError, match="no index before it is known"):
        roll_back_alias(make(), "other")
    roll_back_alias(make(), "shop")
    assert holders(client, "shop") == [first.index]


def test_nothing_whole_to_go_back_to(make: Make, client: Elasticsearch) -> None:
    with pytest.raises(UserError, match="there is no alias 'shop'"):
        roll_back_alias(make(), "shop")
    first = published(make())
    second = published(make(settings(m=17)))
    client.delete(index=first.index, id="d-de-1")
    with pytest.raises(UserError, match="is not whole: it holds 4 of 5"):
        roll_back_alias(make(), "shop")
    client.indices.delete(index=first.index)
    with pytest.raises(UserError, match="is gone"):
        roll_back_alias(make(), "shop")
    assert holders(client, "shop") == [second.index]


# What is not ours


def test_a_foreign_alias_is_taken_only_by_force(make: Make, client: Elasticsearch) -> None:
    client.indices.create(index="foreign-1", aliases={"shop": {}})
    with pytest.raises(UserError, match="points to foreign-1, which this tool did not build"):
        published(make())
    assert holders(client, "shop") == ["foreign-1"]
    done = published(make(), force=True)
    assert done.replaced == "foreign-1" and holders(client, "shop") == [done.index]
    assert roll_back_alias(make(), "shop") == ("foreign-1", done.index)
    with pytest.raises(UserError, match="did not build"):
        roll_back_alias(make(), "shop")


def test_an_index_of_that_name(make: Make, client: Elasticsearch) -> None:
    client.indices.create(index="foreign-1")
    with pytest.raises(UserError, match="'foreign-1' is an index, not an alias"):
        published(make(), "foreign-1", force=True)


def test_several_indices_behind_one_alias(make: Make, client: Elasticsearch) -> None:
    done = published(make())
    client.indices.create(index="foreign-1", aliases={"shop": {}})
    with pytest.raises(UserError, match="points to foreign-1"):
        published(make())
    with pytest.raises(UserError, match="stands for 2 indices"):
        search_alias("shop", "boat", make(), k=1)
    published(make(), force=True)
    assert holders(client, "shop") == [done.index]


def test_a_manifest_that_was_copied_is_not_ours(make: Make, client: Elasticsearch) -> None:
    done = published(make())
    (body,) = client.indices.get_mapping(index=done.index).values()
    meta = body["mappings"]["_meta"]
    for name in ("xlembed-foreign-1", f"xlembed-foreign-{done.index.rpartition('-')[2]}"):
        other = {"xlembed": {**meta["xlembed"], "task": "else"}}
        client.indices.create(index=name, mappings={"_meta": other})
    client.indices.create(index="xlembed-foreign-2")
    listed = {found.name for found in admin.list_indices(connect(make().es_url))}
    assert done.index in listed and not any(name.startswith("xlembed-foreign") for name in listed)


# Others at the same time


def test_an_alias_that_moved_meanwhile_is_not_moved_blindly(make: Make, server: Server) -> None:
    a, b, c = (published(make(settings(m=m)), f"own-{m}").index for m in (16, 17, 18))
    assert admin._swap(server, "shop", [], a, is_new=True)
    assert not admin._swap(server, "shop", [], b, is_new=True), "another was first"
    assert admin._swap(server, "shop", [a], b, is_new=True)
    assert not admin._swap(server, "shop", [a], c, is_new=True), "it points to b by now"
    assert holders(server.client, "shop") == [b]


def test_many_publishers_at_once(make: Make, server: Server) -> None:
    names = [published(make(settings(m=m)), f"own-{m}").index for m in (16, 17, 18)]
    note = {"record": {}, "encoding": {}}
    stop, seen, refused = threading.Event(), [], []

    def watch() -> None:
        while not stop.is_set():
            seen.append(len(admin.find(server, "shop")))

    def move(name: str) -> None:
        for _ in range(5):
            try:
                admin.move_alias(server, "shop", name, note)
            except UserError as error:
                refused.append(str(error))

    watcher = threading.Thread(target=watch)
    movers = [threading.Thread(target=move, args=(name,)) for name in names]
    watcher.start()
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    stop.set()
    watcher.join()
    assert len(holders(server.client, "shop")) == 1
    assert set(seen) <= {0, 1} and seen[-1] == 1, "never two, and never none once there was one"
    assert 0 not in seen[seen.index(1) :]
    assert all("others keep moving" in message for message in refused)
    (now,) = admin.find(server, "shop")
    history = now.replaced("shop")
    assert now.name not in history and set(history) <= set(names)


# The model of an index


def test_another_model_cannot_ask(
    make: Make, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(make())
    monkeypatch.setitem(WORDS, "boat", (0.0, 1.0, 0.0, 0.0))
    other = save_toy_model(tmp_path / "other")
    with pytest.raises(UserError, match=r"toy on this machine: is not the model of the index \(files differ"):
        search_alias("shop", "boat", make(toy={"source": str(other)}), k=1)
    answer = search_alias("shop", "boat", make(toy={"source": str(other)}), k=1, model=str(model))
    assert answer.hits[0]["doc_id"] == "d-en-1", "the files are where -m says, the card is the index's"
    with pytest.raises(UserError, match="-m static_multilingual: is not the model"):
        search_alias("shop", "boat", make(), k=1, model="static_multilingual")


def test_a_machine_without_the_model(make: Make) -> None:
    published(make())
    workspace = make()
    bare = Workspace(Settings(), workspace.root, workspace.out, workspace.es_url)
    with pytest.raises(UserError, match=r"made with toy, which cannot be used here:(.|\n)*with -m"):
        search_alias("shop", "boat", bare, k=1)


def test_the_prompt_is_the_one_of_the_index(make: Make, model: Path) -> None:
    prompted = {"source": str(model), "query_prompt": "boot "}
    published(make(toy=prompted))
    for workspace in (make(toy=prompted), make()):  # the second knows of no prompt
        hit = search_alias("shop", "qqq", workspace, k=1).hits[0]
        assert (hit["doc_id"], round(hit["score"], 5)) == ("d-de-1", 1.0)


def test_the_dimension_is_the_one_of_the_index(make: Make) -> None:
    done = published(make(), name="toy+dim2")
    assert done.documents == 2, "only boat and boot have anything in the first two dimensions"
    answer = search_alias("shop", "boot", make(), k=5)
    assert answer.model == "toy+dim2"
    assert [(hit["doc_id"], round(hit["score"], 4)) for hit in answer.hits] == [
        ("d-de-1", 1.0),
        ("d-en-1", 0.8),
    ]


def test_another_release_of_a_library_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    here = Fingerprint({"files": "f", "libraries": {"torch": "2.13"}})
    there = Fingerprint({"files": "f", "libraries": {"torch": "2.12"}})
    encoding = Encoding.model_construct(base_fingerprint=there.digest, ingredients=there.description)
    fingerprint = derived_fingerprint(there.digest, None)
    with caplog.at_level(logging.WARNING):
        _check_same(encoding, fingerprint, here, Variation())
    assert "torch 2.13 (index: 2.12)" in caplog.text
    with pytest.raises(UserError, match="contradicts itself"):
        _check_same(encoding, "f00", here, Variation())
    with pytest.raises(
        UserError, match="contradicts itself"
    ):  # someone wrote other ingredients beside the digest
        _check_same(
            encoding.model_copy(update={"ingredients": here.description}), fingerprint, here, Variation()
        )


def test_a_language_that_only_queries_are_in(make: Make, tmp_path: Path) -> None:
    turkish = {"_id": "q4-tr", "text": "boat", "lang": "tr", "need_id": "n1"}
    write_toy(tmp_path / "data" / TASK, queries=[*QUERIES, turkish])
    card = tmp_path / "data" / TASK / "task.yaml"
    card.write_text(card.read_text().replace("[en, de]", "[en, de, tr]"))
    published(make())
    with pytest.raises(UserError, match="shop has no documents in 'tr'"):
        search_alias("shop", "boat", make(), k=1, lang="tr")
    task, here = open_task(make(), TASK), make(IndexSettings())
    with pytest.raises(UserError, match=r"no documents in 'tr': de, en$"):
        search("boat", task, open_model(here, "toy"), here, k=1, lang="tr")


def test_questions_that_cannot_be_asked(make: Make, client: Elasticsearch) -> None:
    with pytest.raises(UserError, match="'shop' does not exist"):
        search_alias("shop", "boat", make(), k=1)
    done = published(make())
    for text, lang, message in (
        (" ", None, "is empty"),
        ("qqq", None, "knows no word"),
        ("boat", "tr", "no documents in 'tr': de, en"),
    ):
        with pytest.raises(UserError, match=message):
            search_alias("shop", text, make(), k=1, lang=lang)
    client.indices.create(index="foreign-1")
    with pytest.raises(UserError, match="was not built by this tool"):
        search_alias("foreign-1", "boat", make(), k=1)
    built(make(settings(m=17)))
    (other,) = [n for n in client.indices.get(index=f"xlembed-{TASK}-*") if n != done.index]
    with pytest.raises(UserError, match="is not published"):
        search_alias(other, "boat", make(), k=1)


# The command line


@pytest.fixture
def call(make: Make, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command line in a checkout of its own."""
    workspace = make()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLEMBED_ES_URL", str(workspace.es_url))
    (tmp_path / "params.yaml").write_text(
        f"models: {{toy: {{source: {model}}}}}\nindex: {{engine: elasticsearch}}\n", encoding="utf-8"
    )

    def run(*args: str, answer: str | None = None) -> Any:
        return CliRunner().invoke(xlembed, args, input=answer)

    return run


def test_from_the_command_line(call: Callable[..., Any], make: Make) -> None:
    assert {"publish", "indices"} <= set(COMMANDS)
    assert call("encode", "-m", "toy", "-t", TASK).exit_code == 0
    for m in ("16", "17"):
        built(make(settings(m=int(m))))
        done = call("publish", "-m", "toy", "-t", TASK, "--alias", "shop", "--hnsw-m", m)
        assert done.exit_code == 0, done.output
        assert "5 documents, recall@10 1.0000 (5 queries; index not exercised" in " ".join(
            done.stdout.split()
        )
    found = call("search", "--alias", "shop", "boat", "-k", "1", "--json")
    assert [hit["doc_id"] for hit in json.loads(found.stdout)] == ["d-en-1"]
    assert "query encoded with toy" in found.stderr
    rows = [r for r in json.loads(call("indices", "--json").stdout) if r["task"] == TASK]
    assert [(r["m"], r["aliases"], r["rollback_of"]) for r in sorted(rows, key=lambda r: r["m"])] == [
        (16, [], ["shop"]),
        (17, ["shop"], []),
    ]
    assert all(r["documents"] == 5 and r["state"] == "complete" and r["bytes"] > 0 for r in rows)
    assert "(shop before)" in call("indices", "-t", TASK).stdout
    assert "-> xlembed-pubtoy-toy-hnsw-" in call("publish", "--alias", "shop", "--rollback").stdout


def test_pruning_asks_and_leaves_what_is_needed(
    call: Callable[..., Any], make: Make, client: Elasticsearch
) -> None:
    idle, before, live = (published(make(settings(m=m)), "shop") for m in (16, 17, 18))
    client.indices.create(index="foreign-1")
    client.indices.create(index="xlembed-foreign-1", mappings={"_meta": {"xlembed": {"task": TASK}}})
    said = call("indices", "-t", TASK, "--prune", answer="n\n")
    assert said.exit_code == 0 and idle.index in said.stderr
    assert f"kept: {before.index} (publish --alias shop --rollback)" in said.stderr
    assert client.indices.exists(index=idle.index), "the answer was no"
    call("indices", "-t", TASK, "--prune", answer="y\n")
    again = call("indices", "-t", TASK, "--prune", "--yes").stderr
    assert "kept" in again and "nothing to delete: the others have an alias" in again
    left = set(client.indices.get(index=f"xlembed-{TASK}-*"))
    assert left == {before.index, live.index}
    done = call("indices", "-t", TASK, "--prune", "--with-previous", "--yes", "--json")
    assert json.loads(done.stdout) == {"deleted": [before.index]}
    assert "nothing to delete: each has an alias" in call("indices", "-t", TASK, "--prune", "--yes").stderr
    assert "there is none of these" in call("indices", "-t", "nosuch", "--prune", "--yes").stderr
    assert client.indices.exists(index="foreign-1") and client.indices.exists(index="xlembed-foreign-1")
    assert holders(client, "shop") == [live.index]


def test_published_between_asking_and_deleting(make: Make, server: Server) -> None:
    done = published(make())
    assert admin.delete(server, [done.index, "foreign-1", "*"]) == []
    assert server.client.indices.exists(index=done.index)


def test_usage(call: Callable[..., Any]) -> None:
    for args, message in (
        (("publish", "--alias", "shop"), "--model and --task say which index"),
        (("publish", "--alias", "shop", "--rollback", "-m", "toy"), "--rollback needs only --alias"),
        (("publish", "-m", "toy", "-t", TASK, "--alias", "shop", "--recall", "95"), "from 0 to 1"),
        (("search", "boat"), "give --model and --task, or --alias"),
        (("search", "boat", "--alias", "shop", "-t", TASK), "leave --task and further -m out"),
        (
            ("search", "boat", "--alias", "shop", "--num-candidates", "9"),
            "--num-candidates: --alias is searched as",
        ),
    ):
        done = call(*args)
        assert done.exit_code == 2 and message in done.output, done.output


def test_no_secret_is_shown(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    address = os.environ["XLEMBED_ES_URL"].replace("http://", "http://elastic:hunter2@")
    for args in (
        ("indices",),
        ("search", "boat", "--alias", "shop"),
        ("publish", "--alias", "a", "--rollback"),
    ):
        monkeypatch.setenv("XLEMBED_ES_URL", address)
        done = call(*args)
        assert isinstance(done.exception, UserError) and "hunter2" not in str(done.exception) + done.output
