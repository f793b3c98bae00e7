from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2 as httpx
import huggingface_hub
import pytest
from huggingface_hub import errors

from models.conftest import Build
from xlembed.models.card import ModelCard
from xlembed.models.hub import locate
from xlembed.models.loading import load_encoder
from xlembed.models.spec import ModelRef, resolve_model
from xlembed.words import Role, UserError

E5 = "intfloat/multilingual-e5-base"
REVISION = "d13f1b27baf31030b7fd040960d60d909913633f"


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")


def test_offline_message_says_what_to_fetch_and_how_to_pass_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        locate(resolve_model("e5_base"))
    message = str(caught.value)
    assert f"{E5} (revision {REVISION}) is not in the local cache" in message
    assert "offline mode is on (HF_HUB_OFFLINE)" in message
    assert f"hf download {E5} --revision {REVISION} --local-dir e5_base" in message
    assert "models: {e5_base: {source: ./e5_base, card: e5_base}}" in message
    assert "hf_secret" not in message


def test_the_advice_works(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build("xlm-roberta", name="e5_base")
    monkeypatch.chdir(folder.parent)
    entry = {"source": "./e5_base", "card": "e5_base", "dim": 16, "languages": ["en"]}
    ref = resolve_model("e5_base", {"e5_base": entry})
    assert ref.card.prompt(Role.QUERY) == "query: "
    assert load_encoder(ref, device="cpu").dim == 16
    assert resolve_model("./e5_base").folder == Path("e5_base")
    assert resolve_model("e5_base").folder is None  # the catalogue's, not the folder of that name


def test_hub_id_without_card_and_revision() -> None:
    with pytest.raises(UserError) as caught:
        locate(resolve_model("someone/some-model"))
    assert "someone/some-model (revision main)" in str(caught.value)
    assert "hf download someone/some-model --local-dir someone_some-model" in str(caught.value)
    assert "pass `-m ./someone_some-model`" in str(caught.value)


def _answer(status: int) -> httpx.Response:
    request = httpx.Request(
        "GET", "https://hub.test", headers={"authorization": "Bearer hf_secretsecretsecret"}
    )
    return httpx.Response(status, request=request)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            errors.GatedRepoError("hf_secret", response=_answer(403)),
            "access is gated; accept the terms at https://hugg",
        ),
        (errors.RevisionNotFoundError("hf_secret", response=_answer(404)), "has no such revision"),
        (errors.RepositoryNotFoundError("hf_secret", response=_answer(401)), "knows no such repository"),
        (errors.HfHubHTTPError("hf_secret", response=_answer(503)), "answered with status 503"),
        (ConnectionError("hf_secret"), "the Hub cannot be reached"),
        (httpx.ConnectError("hf_secret"), "the Hub cannot be reached"),
        (OSError(28, "No space left on device"), "writing failed \\(No space left on device\\)"),
    ],
)
def test_each_failure_in_words_and_without_the_token(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UserError, match=words) as caught:
        locate(resolve_model("e5_base"))
    assert "hf_secret" not in str(caught.value) and caught.value.__cause__ is None


def test_what_is_fetched_leaves_out_pickles_and_other_formats(
    monkeypatch: pytest.MonkeyPatch, build: Build
) -> None:
    asked: list[dict[str, Any]] = []
    folder = build("bert")

    def fetch(repository: str, **kwargs: Any) -> str:
        asked.append({**kwargs, "repository": repository})
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert locate(resolve_model("e5_base+dim64")) == folder
    assert [(call["repository"], call["revision"]) for call in asked] == [(E5, REVISION)]
    assert {"*.bin", "onnx/*", "openvino/*", "*.h5", "*.msgpack", "*.ot"} <= set(asked[0]["ignore_patterns"])


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        locate(ModelRef("x", ModelCard(name="x"), tmp_path / "gone"))
    with pytest.raises(UserError, match="neither a folder nor a Hub id"):
        locate(ModelRef("x", ModelCard(name="x"), None))


def test_a_hub_that_does_not_answer_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def head(self, url: str, timeout: float) -> None:
            raise httpx.ConnectError("no route")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub, "get_session", Silent)
    with pytest.raises(UserError, match="from the Hub: the Hub cannot be reached"):
        locate(resolve_model("e5_base"))
