"""The door to an OpenAI-compatible endpoint: requests with limits, retries, a cache, and what they cost."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from xlembed.files import default_cache, write_json
from xlembed.llm_settings import EndpointSettings
from xlembed.words import UserError, counted
from xlembed.workspace import Watch, unwatched

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Json = dict[str, Any]
PLACES = (("XLEMBED_API_URL", "XLEMBED_API_KEY"), ("OPENAI_BASE_URL", "OPENAI_API_KEY"))
"""Variables of address and key; a key is only sent to the address it stands with. Also read from `.env`."""
BARRED = {
    401: "the key is not accepted: set {key}",
    403: "the key may not do this",
    404: "there is no such model or no such address (it ends in /v1 as a rule)",
}
"""Refusals that every further request would meet too."""
FAILURES_AT_FIRST = 5
"""So many failures before any answer, and the rest is not tried."""


@dataclass(frozen=True)
class Failure:
    """Why a request has no usable answer; `status` is HTTP's, None if the answer itself was unusable."""

    reason: str
    status: int | None = None


@dataclass
class Usage:
    """What was asked, and what it cost."""

    answered: int = 0
    cached: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def told(self) -> str:
        """As a sentence."""
        parts = [f"{counted(self.answered, 'answer')}, {self.cached:,} more from the cache"]
        parts += [f"{self.failed:,} without"] * bool(self.failed)
        parts.append(f"{self.tokens_in:,} tokens in, {self.tokens_out:,} out")
        return ", ".join([*parts, *[f"cost {self.cost:,.4f}"] * bool(self.cost)])


@dataclass
class Endpoint:
    """One server, asked by one job; what it answers is kept under `$XLEMBED_CACHE/answers`.

    The key is empty for servers that ask for none; `key_name` is the variable that holds it, for messages.
    """

    settings: EndpointSettings
    url: str
    key: str = field(default="", repr=False)
    key_name: str = PLACES[0][1]
    usage: Usage = field(default_factory=Usage)
    _next: float = field(default=0.0, repr=False)
    _new: set[Path] = field(default_factory=set, repr=False)

    def ask_all(
        self,
        path: str,
        bodies: Sequence[Mapping[str, Any]],
        watch: Watch = unwatched,
        what: str = "answers",
        *,
        check: Callable[[Json, int], str] = lambda answer, place: "",
        cache: bool = True,
    ) -> list[Json | Failure]:
        """An answer, or why there is none, for each body, in order; several requests are under way at once.

        Rate limits (429, with Retry-After), errors of the server and broken lines are tried again by the client. An
        interruption loses nothing that was answered.

        Args:
            path: below the address: ``/chat/completions``, ``/embeddings``.
            bodies: JSON objects; a `seed` in them is changed where an unusable answer is asked for again.
            watch: told (`what`, answered, all), and of tokens used and expected.
            what: the noun for the progress.
            check: answer and its place -> why it cannot be used, or nothing; such an answer is asked for again.
            cache: read and keep answers by address, path and body.

        Raises:
            UserError: the server cannot be reached or refuses every request, or the budget is spent.
        """
        answers: list[Json | Failure | None] = [None] * len(bodies)
        if cache:
            for place, body in enumerate(bodies):
                kept = _kept(self._file(path, body))
                answers[place] = None if kept is not None and check(kept, place) else kept
        open_places = [place for place, answer in enumerate(answers) if answer is None]
        known = {
            self._file(path, bodies[place]) for place, answer in enumerate(answers) if answer is not None
        }
        self.usage.cached += len(known - self._new)
        progress = _Progress(watch, what, len(bodies), len(bodies) - len(open_places), self.usage)

        async def answer(client: AsyncOpenAI, place: int, turn: asyncio.Semaphore) -> None:
            async with turn:
                progress.check_budget(self.settings.budget)
                body = bodies[place]
                found = await self._usable(client, path, body, lambda one: check(one, place))
                if isinstance(found, dict) and cache:
                    write_json(file := self._file(path, body), found)
                    self._new.add(file)
                answers[place] = found
                progress.step(found)

        async def work() -> None:
            turn = asyncio.Semaphore(self.settings.concurrency)
            async with self._client() as client:
                await _all_or_first_error([answer(client, place, turn) for place in open_places])

        if open_places:
            progress.show()
            _run(work())
        return [answer for answer in answers if answer is not None]

    def has_kept(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether there is an answer from before."""
        return self._file(path, body).is_file()

    def _file(self, path: str, body: Mapping[str, Any]) -> Path:
        content = json.dumps([self.url, path, body], sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(content.encode()).hexdigest()
        return default_cache() / "answers" / digest[:2] / f"{digest}.json"

    def _client(self) -> AsyncOpenAI:
        try:
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient
        except ImportError:
            raise UserError(
                "a language model's endpoint needs the extra llm: pip install 'xlembed[llm]'"
            ) from None
        # Where a request waits for its turn, so that the client's own further tries are counted too.
        wire = DefaultAsyncHttpxClient(event_hooks={"request": [self._wait_turn]})
        return AsyncOpenAI(
            api_key=self.key or "none",
            base_url=self.url,
            timeout=self.settings.timeout,
            max_retries=self.settings.retries,
            http_client=wire,
        )

    async def _wait_turn(self, request: object) -> None:
        if self.settings.requests_per_minute:
            clock = asyncio.get_running_loop().time
            turn = max(self._next, clock())
            self._next = turn + 60 / self.settings.requests_per_minute
            await asyncio.sleep(turn - clock())

    async def _usable(
        self, client: AsyncOpenAI, path: str, body: Mapping[str, Any], check: Callable[[Json], str]
    ) -> Json | Failure:
        """An answer that passes `check`, asked for again with other seeds where it does not."""
        reason = ""
        for attempt in range(self.settings.attempts):
            seeded = {**body, "seed": body["seed"] + attempt} if "seed" in body else body
            answer = await self._send(client, path, seeded)
            if isinstance(answer, Failure):
                return answer
            if not (reason := check(answer)):
                return answer
        return Failure(reason)

    async def _send(self, client: AsyncOpenAI, path: str, body: Mapping[str, Any]) -> Json | Failure:
        import httpx2
        import openai

        try:
            response = await client.post(path, body=dict(body), cast_to=httpx2.Response)
            found = json.loads(response.text)
        except openai.APITimeoutError:
            return Failure(f"no answer within {self.settings.timeout:g} s")
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise UserError(f"{self.url}: no server answers ({self._shown(cause)}); is it running?") from None
        except openai.APIStatusError as error:
            told = self._shown(error.message)
            if advice := BARRED.get(error.status_code):
                advice = advice.format(key=self.key_name)
                raise UserError(f"{self.url}: {error.status_code}, {advice} ({told})") from None
            return Failure(f"{error.status_code}: {told}", error.status_code)
        except ValueError:
            return Failure("the answer is no JSON")
        if not isinstance(found, dict):
            return Failure(f"expected a JSON object, found {type(found).__name__}")
        self._count(found.get("usage"))
        return found

    def _count(self, usage: Any) -> None:
        """Tokens of an answer, if it tells them; unusable answers cost too."""
        told = usage if isinstance(usage, dict) else {}
        counts = [told.get(name) for name in ("prompt_tokens", "completion_tokens")]
        used = [count if isinstance(count, int) else 0 for count in counts]
        self.usage.tokens_in += used[0]
        self.usage.tokens_out += used[1]
        self.usage.cost += (used[0] * self.settings.price_in + used[1] * self.settings.price_out) / 1e6

    def _shown(self, message: object) -> str:
        """What a server or a library said, short and without the key."""
        text = " ".join(str(message).split())
        text = text.replace(self.key, "***") if self.key else text
        return text if len(text) <= 200 else f"{text[:200]}..."


def open_endpoint(settings: EndpointSettings, root: Path = Path(), key_name: str = "") -> Endpoint:
    """The endpoint that settings and environment name; nothing is sent.

    `root` is the checkout, whose `.env` is read; `key_name` the variable of the key for the address in `settings`,
    where it is not the usual one.

    Raises:
        UserError: there is no address, or it holds a name or password.
    """
    named = [(settings.url, key_name or PLACES[0][1]), *((variable(url, root), key) for url, key in PLACES)]
    url, key_name = next(((url, key) for url, key in named if url), ("", ""))
    if not url:
        raise UserError(
            "no endpoint: set XLEMBED_API_URL (for example http://localhost:8000/v1), here or in .env (for a service "
            "that is a model, api.url of its entry in params.yaml does too); the key, if it asks for one, is "
            "XLEMBED_API_KEY"
        )
    parts = urlsplit(url)
    if "@" in url or parts.query or parts.fragment:
        raise UserError("the endpoint's address holds a user name, password or query: leave it out and set "
                        f"{key_name}")  # fmt: skip
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{url!r}: expected http(s)://host:port/v1")
    key = variable(key_name, root)
    if not key.isascii() or not key.isprintable():
        raise UserError(f"{key_name} holds characters that no header can carry (a line break?)")
    return Endpoint(settings, url.rstrip("/"), key, key_name)


def variable(name: str, root: Path) -> str:
    """A variable of the environment, else of the checkout's `.env`; empty where there is none."""
    file = root / ".env"
    return os.environ.get(name) or (dotenv_values(file).get(name) if file.is_file() else "") or ""


@dataclass
class _Progress:
    """Counts answers of one call, and tells them."""

    watch: Watch
    what: str
    total: int
    done: int
    usage: Usage
    tokens_before: int = 0
    asked: int = 0

    def __post_init__(self) -> None:
        self.tokens_before = self.usage.tokens_in + self.usage.tokens_out

    def show(self) -> None:
        self.watch(self.what, self.done, self.total)

    def step(self, found: Json | Failure) -> None:
        """One more; when the first ones all fail, the rest would too."""
        self.asked += 1
        self.done += 1
        if isinstance(found, Failure):
            self.usage.failed += 1
            if self.usage.failed >= FAILURES_AT_FIRST and not self.usage.answered + self.usage.cached:
                raise UserError(
                    f"the first {self.usage.failed} requests have no usable answer: {found.reason}"
                )
        else:
            self.usage.answered += 1
        self.show()
        if tokens := self.usage.tokens_in + self.usage.tokens_out - self.tokens_before:
            left = self.total - self.done
            self.watch("tokens, expected", tokens, tokens + round(tokens / self.asked * left))

    def check_budget(self, budget: float) -> None:
        if budget and self.usage.cost >= budget:
            raise UserError(
                f"the budget is spent: {self.usage.told()}; {self.total - self.done:,} requests are left. What was "
                "finished is kept: raise the budget (--budget; of a service that is a model, api.budget of its entry "
                "in params.yaml) and run the same command again"
            )


def _kept(file: Path) -> Json | None:
    """A kept answer; a damaged one is asked for again."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


async def _all_or_first_error(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All of them; the first error ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as errors:  # not `except*`: before Python 3.11.4 what it raises is put into a group
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


def _run(work: Coroutine[Any, Any, None]) -> None:
    """From start to end; beside a running loop, as in a notebook, in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
