"""A model behind an embedding service on this machine: what comes back is what the model itself gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes.toy import write_toy
from llm_stub import Stub
from xlembed.cli.models import _card_text
from xlembed.data.loading import open_task
from xlembed.embeddings.embedded import open_embeddings
from xlembed.embeddings.service import ServiceEncoder
from xlembed.evaluate.encode import Encoded, encode
from xlembed.models.card import ModelCard, Service
from xlembed.models.loading import load_encoder
from xlembed.models.spec import resolve_model
from xlembed.settings import Settings
from xlembed.words import Role, UserError
from xlembed.workspace import Workspace


@pytest.fixture(scope="module")
def model() -> Any:
    return load_encoder(resolve_model("static_multilingual"), device="cpu")


@pytest.fixture
def stub(model: Any) -> Stub:
    """Serves the bundled model, the vectors of a batch in another order than the texts."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        vectors = 2 * model.encode_batch(body["input"], Role.DOCUMENT)
        data = [{"index": i, "embedding": vector.tolist()} for i, vector in enumerate(vectors)]
        return {"data": data[::-1], "usage": {"prompt_tokens": 100 * len(data)}}

    return Stub(answer)


@pytest.fixture
def url(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    write_toy(tmp_path / "data" / "toy")
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHOP_KEY", "sk-secret")
    with stub.serving() as address:
        yield address


def work(root: Path, url: str, **entry: Any) -> tuple[Encoded, Workspace]:
    service = {"url": url, "key": "SHOP_KEY", "batch": 2, "concurrency": 2, "price": 3.0}
    models = {"theirs": {"source": "api:static-1", **entry, "api": {**service, **entry.get("api", {})}}}
    workspace = Workspace(Settings(models=models), root, root)
    ref = resolve_model("theirs", models)
    return encode(open_task(workspace, "toy"), ref, workspace), workspace


def test_vectors_are_the_model_s_own_and_paid_once(stub: Stub, url: str, model: Any, tmp_path: Path) -> None:
    stub.trouble = [429, 500, {"data": []}]
    encoded, workspace = work(tmp_path, url, query_prompt="ask: ")
    asked = [body["input"] for body in stub.asked]
    assert {len(of) for of in asked} == {2} and {body["model"] for body in stub.asked} == {"static-1"}
    assert {text for of in asked for text in of} >= {"ask: boot", "ask: katze", "boot", "katze"}
    assert set(stub.keys) == {"Bearer sk-secret"}
    task = open_task(workspace, "toy")
    found = open_embeddings(task, resolve_model("theirs", workspace.settings.models), workspace)
    texts = [d.text for d in task.documents]
    assert np.allclose(found.documents, model.encode_batch(texts, Role.DOCUMENT), atol=1e-6)
    queries = [f"ask: {q.text}" for q in task.queries]
    assert np.allclose(found.queries, model.encode_batch(queries, Role.QUERY), atol=1e-6)
    assert encoded.spent.startswith("theirs: 6 answers") and "cost 0.0036" in encoded.spent
    n = len(stub.asked)
    again, _ = work(tmp_path, url, query_prompt="ask: ")
    assert len(stub.asked) == n and again.spent == "" and again.fingerprint == encoded.fingerprint
    work(tmp_path, url, query_prompt="other: ")
    assert {text for body in stub.asked[n:] for text in body["input"]} >= {"other: cat"}
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"sk-secret" in content for content in everything)


def test_what_was_encoded_before_an_error_is_kept(stub: Stub, url: str, tmp_path: Path) -> None:
    stub.trouble = [stub.answer({"input": ["boat", "cat"]}), 400]
    with pytest.raises(UserError, match="no vectors for 2 texts, the first is 'zzz': 400") as error:
        work(tmp_path, url, api={"concurrency": 1})
    assert "sk-secret" not in str(error.value)
    stub.asked.clear()
    work(tmp_path, url, api={"concurrency": 1})
    assert stub.asked[0]["input"][0] == "zzz"


def test_what_is_to_be_changed_is_where_a_service_has_it(stub: Stub, url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the budget is spent: .*api\.budget of its entry in params\.yaml"):
        work(tmp_path, url, api={"concurrency": 1, "price": 10.0, "budget": 0.001})
    with pytest.raises(UserError, match=r"no endpoint: .*api\.url of its entry in params\.yaml"):
        work(tmp_path, "")


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": "many"}, {"prompt_tokens": [3]}, {"prompt_tokens": None}, "none"]
)
def test_tokens_that_are_no_numbers_are_not_counted(stub: Stub, url: str, usage: Any) -> None:
    right = stub.answer
    stub.answer = lambda body: {**right(body), "usage": usage}  # type: ignore[dict-item]
    encoder = ServiceEncoder("s", ModelCard(name="s"), Service(model="m", url=url), Path(), "")
    assert encoder.encode_batch(["boat"], Role.DOCUMENT).shape == (1, 256)
    assert encoder.spent() == "s: 1 answer, 0 more from the cache, 0 tokens in, 0 out"


def test_a_page_in_place_of_an_answer(stub: Stub, url: str, tmp_path: Path) -> None:
    stub.answer = lambda body: "<html>"
    with pytest.raises(UserError, match="the answer is no JSON"):
        work(tmp_path, url)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[1:], "expected 2 vectors in `data`, found 1"),
        (lambda data: [data[0], data[0]], "for every `index`"),
        (lambda data: [{"index": 0, "embedding": "AAAA"}, data[1]], "no `embedding` of numbers"),
        (lambda data: [{"index": i, "embedding": [1.0]} for i in (0, 1)], "expected 256 dimensions, found 1"),
        (lambda data: [{"index": i, "embedding": [float("nan")] * 256} for i in (0, 1)], "finite numbers"),
    ],
)
def test_an_answer_that_is_no_vector_per_text(stub: Stub, url: str, change: Any, message: str) -> None:
    right = stub.answer
    stub.answer = lambda body: (answer := right(body)) | {"data": change(answer["data"])}  # type: ignore[index, operator]
    encoder = ServiceEncoder("s", ModelCard(name="s", dim=256), Service(model="m", url=url), Path(), "")
    with pytest.raises(UserError, match=message):
        encoder.encode_batch(["boat", "cat"], Role.DOCUMENT)
    assert len(stub.asked) == 3  # each unusable answer is asked for again


def test_options_reach_the_service(stub: Stub, url: str) -> None:
    service = Service(model="m", url=url, dimensions=256, longest=3)
    encoder = ServiceEncoder("s", ModelCard(name="s", document_prompt="d: "), service, Path(), "")
    assert encoder.encode_batch(["boat"], Role.DOCUMENT).shape == (1, 256)
    assert stub.asked[0]["input"] == ["d: "] and stub.asked[0]["dimensions"] == 256


@pytest.mark.parametrize(
    ("api", "message"),
    [
        ({"url": "http://me:word@x/v1"}, "holds no user name, password or query"),
        ({"key": "sk-12345"}, "expected the name of a variable"),
        ({"batches": 3}, "api.batches"),
    ],
)
def test_an_entry_that_is_wrong(api: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_model("x", {"x": {"source": "api:m", "api": api}})


def test_what_needs_the_model_here_is_refused(tmp_path: Path) -> None:
    from xlembed.models.hub import locate
    from xlembed.models.safety import check_runs_here

    ref = resolve_model("api:some/model")
    assert ref.slug == "api-some-model" and json.dumps(ref.card.model_dump(mode="json"))
    with pytest.raises(UserError, match="weights are not at hand"):
        locate(ref)
    with pytest.raises(UserError, match="it is a service"):
        check_runs_here(ref, "this")
    models = {"theirs": {"source": "api:m", "query_prompt": "ask: ", "api": {"key": "SHOP_KEY", "price": 2}}}
    text = _card_text(resolve_model("theirs", models))
    assert "in the variable SHOP_KEY" in text and '"ask: "' in text and "2 per million tokens" in text
