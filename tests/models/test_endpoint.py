from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from llm_stub import Stub, chat
from xlembed.llm_settings import EndpointSettings
from xlembed.models.endpoint import Endpoint, Failure, open_endpoint
from xlembed.words import UserError

PATH = "/chat/completions"
BODIES = [{"model": "m", "messages": [{"role": "user", "content": str(i)}]} for i in range(6)]


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    monkeypatch.setenv("XLEMBED_CACHE", str(tmp_path / "cache"))
    return Stub(lambda body: chat(f"answer to {body['messages'][0]['content']}"))


def endpoint(url: str, **settings: Any) -> Endpoint:
    return Endpoint(EndpointSettings(**settings), url, key="sk-secret")


def texts(answers: list[Any]) -> list[str]:
    return [a.reason if isinstance(a, Failure) else a["choices"][0]["message"]["content"] for a in answers]


def test_trouble_on_the_way_is_borne_and_answers_keep_their_order(stub: Stub) -> None:
    stub.trouble = [429, 500, 503, 0.05]
    seen: list[tuple[str, int, int]] = []
    with stub.serving() as url:
        asked = endpoint(url, concurrency=3, price_in=2, price_out=10)
        found = asked.ask_all(PATH, BODIES, lambda *told: seen.append(told), "questions")
    assert texts(found) == [f"answer to {i}" for i in range(6)]
    assert len(stub.asked) == 9 and stub.most <= 3 and set(stub.keys) == {"Bearer sk-secret"}
    assert seen[0] == ("questions", 0, 6) and ("questions", 6, 6) in seen
    assert seen[-1] == ("tokens, expected", 660, 660)
    assert asked.usage.cost == pytest.approx((600 * 2 + 60 * 10) / 1e6)
    assert asked.usage.told() == ("6 answers, 0 more from the cache, 600 tokens in, 60 out, cost 0.0018")


def test_what_was_answered_costs_nothing_again(stub: Stub) -> None:
    with stub.serving() as url:
        first = endpoint(url).ask_all(PATH, BODIES[:4])
        again = endpoint(url)
        assert again.ask_all(PATH, BODIES)[:4] == first
        assert again.usage.cached == 4 and len(stub.asked) == 6
        changed = {**BODIES[0], "temperature": 1}
        endpoint(url).ask_all(PATH, [changed])
    assert len(stub.asked) == 7


def test_an_unusable_answer_is_asked_for_again_with_another_seed_and_never_kept(stub: Stub) -> None:
    stub.answer = lambda body: chat("" if body["seed"] < 9 else "good")
    with stub.serving() as url:
        asked = endpoint(url, attempts=2)
        bodies = [{**BODIES[0], "seed": 8}, {**BODIES[0], "seed": 1}]

        def check(answer: dict[str, Any], place: int) -> str:
            return "" if answer["choices"][0]["message"]["content"] else "it is empty"

        assert texts(asked.ask_all(PATH, bodies, check=check)) == ["good", "it is empty"]
        assert len(stub.asked) == 4 and asked.usage.failed == 1 and asked.usage.tokens_in == 400
        asked.ask_all(PATH, bodies, check=check)
        assert len(stub.asked) == 6  # only the second, both times


@pytest.mark.parametrize(
    ("reply", "said"),
    [(401, "the key is not accepted: set XLEMBED_API_KEY"), (404, "no such model or no such address")],
)
def test_a_refusal_of_everything_ends_the_job_without_the_key(stub: Stub, reply: int, said: str) -> None:
    stub.answer = lambda body: reply
    with stub.serving() as url, pytest.raises(UserError, match=said) as error:
        endpoint(url, concurrency=1).ask_all(PATH, BODIES)
    assert len(stub.asked) == 1 and "sk-secret" not in str(error.value) and "***" in str(error.value)


def test_one_bad_request_does_not_end_the_others_but_none_at_all_does(stub: Stub) -> None:
    stub.trouble = [400]
    with stub.serving() as url:
        found = endpoint(url, concurrency=1).ask_all(PATH, BODIES)
        assert isinstance(found[0], Failure) and found[0].status == 400 and "sk-secret" not in found[0].reason
        assert texts(found[1:]) == [f"answer to {i}" for i in range(1, 6)]
        stub.answer = lambda body: "<html>"
        with pytest.raises(
            UserError, match="the first 5 requests have no usable answer: the answer is no JSON"
        ):
            endpoint(url, concurrency=1).ask_all(PATH, BODIES, cache=False)


def test_a_slow_server_and_none(stub: Stub) -> None:
    stub.trouble = [0.4]
    with stub.serving() as url:
        (found,) = endpoint(url, timeout=0.1, retries=0).ask_all(PATH, BODIES[:1])
        assert found == Failure("no answer within 0.1 s")
    with pytest.raises(UserError, match=r"no server answers .*is it running"):
        endpoint("http://127.0.0.1:9/v1", retries=0).ask_all(PATH, BODIES)


def test_requests_per_minute_and_the_budget(stub: Stub) -> None:
    with stub.serving() as url:
        start = time.monotonic()
        endpoint(url, requests_per_minute=600).ask_all(PATH, BODIES[:4])
        assert time.monotonic() - start >= 0.3  # the first at once, then every 0.1 s
        few = endpoint(url, concurrency=1, price_in=1, budget=0.00015)
        with pytest.raises(UserError, match=r"the budget is spent: 2 answers, 0 more.*; 4 requests are left"):
            few.ask_all("/other", BODIES)


def test_where_the_endpoint_is_and_which_key_goes_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XLEMBED_API_URL", "XLEMBED_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="no endpoint: set XLEMBED_API_URL") as refused:
        open_endpoint(EndpointSettings(), tmp_path)
    assert "--" not in str(refused.value)  # `run -m api:NAME` has no such option
    (tmp_path / ".env").write_text("XLEMBED_API_KEY=from-file\n")
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.example/v1")
    found = open_endpoint(EndpointSettings(), tmp_path)
    assert (found.url, found.key) == ("https://api.example/v1", "other")
    found = open_endpoint(EndpointSettings(url="http://localhost:8000/v1/"), tmp_path)
    assert (found.url, found.key) == ("http://localhost:8000/v1", "from-file")
    assert "from-file" not in repr(found)
    for wrong, said in (("http://me:pw@host/v1", "leave it out"), ("localhost:8000", "expected http")):
        with pytest.raises(UserError, match=said) as error:
            open_endpoint(EndpointSettings(url=wrong), tmp_path)
        assert "pw" not in str(error.value)
