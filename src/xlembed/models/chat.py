"""A language model behind an endpoint: prompts from files, answers as data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlembed.llm_settings import ChatSettings
from xlembed.models.endpoint import Endpoint, Failure, Json, open_endpoint, variable
from xlembed.words import UserError, near_miss
from xlembed.workspace import Watch, Workspace

PATH = "/chat/completions"
MODEL_VARIABLE = "XLEMBED_API_MODEL"
BLANK = re.compile(r"\{(\w+)\}")
APART = "\n---\n"
"""Between the system's message and the user's in a prompt file."""
NO_SCHEMA = (400, 422, 501)
"""Answers of servers that take no `response_format`."""


@dataclass(frozen=True)
class Prompt:
    """What is asked, with blanks such as ``{document}``; `source` names the file."""

    text: str
    source: str

    def messages(self, **blanks: object) -> list[dict[str, str]]:
        """The prompt with its blanks filled, as messages."""
        system, apart, user = self.text.partition(APART)
        parts = [("system", system), ("user", user)] if apart else [("user", system)]

        def filled(text: str) -> str:  # in one pass, so that a document with braces fills nothing
            return BLANK.sub(lambda match: str(blanks.get(match[1], match[0])), text).strip()

        return [{"role": role, "content": filled(text)} for role, text in parts if text.strip()]


def read_prompt(file: str, ready: Path, blanks: Sequence[str], needed: Sequence[str]) -> Prompt:
    """A user's prompt, or the ready one where `file` is empty.

    Raises:
        UserError: it cannot be read, has a blank that is not one of `blanks`, or lacks one of those `needed`.
    """
    path = Path(file) if file else ready
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--prompt: {path} cannot be read as UTF-8 text ({error})") from None
    for number, line in enumerate(text.splitlines(), 1):
        for blank in BLANK.findall(line):
            if blank not in blanks:
                known = ", ".join(f"{{{name}}}" for name in blanks)
                raise UserError(
                    f"{path}:{number}: unknown blank {{{blank}}}; known: {known}.{near_miss(blank, blanks)}"
                )
    if missing := [name for name in needed if f"{{{name}}}" not in text]:
        raise UserError(f"{path}: the prompt must hold {{{missing[0]}}}, in whose place the text is put")
    return Prompt(text, str(path) if file else path.name)


@dataclass(frozen=True)
class Field:
    """The one field that answers have: ``questions``, a list of texts; ``translation``, a text; ``grade``, a number."""

    name: str
    schema: Mapping[str, Any]
    of_text: Callable[[str], Any]
    """Its value in an answer that is plain text; None if there is none."""


TEXT: Mapping[str, Any] = {"type": "string"}
KINDS: Mapping[str, type] = {"string": str, "array": list, "integer": int}


@dataclass(frozen=True)
class Chat:
    """A model that is asked by one job."""

    endpoint: Endpoint
    settings: ChatSettings
    model: str

    @property
    def name(self) -> str:
        """What the model is called where it is recorded: of a folder, which tells of this machine, the last part."""
        return Path(self.model).name if Path(self.model).is_absolute() else self.model

    def ask(
        self,
        prompts: Sequence[list[dict[str, str]]],
        field: Field,
        watch: Watch,
        what: str,
        check: Callable[[Any, int], str] = lambda value, place: "",
    ) -> list[Any | Failure]:
        """The value of the field that each answer gives, or why there is none, in order.

        A schema of the field is sent where the endpoint takes one; `check` gives, of a value and its place, why it
        cannot be used, or nothing.

        Raises:
            UserError: as `Endpoint.ask_all`.
        """
        plain = [self._body(messages) for messages in prompts]
        schema = {
            "type": "object",
            "properties": {field.name: dict(field.schema)},
            "required": [field.name],
            "additionalProperties": False,
        }
        json_schema = {"name": field.name, "strict": True, "schema": schema}
        form = {"type": "json_schema", "json_schema": json_schema}
        formed = [{**body, "response_format": form} for body in plain]

        def usable(answer: Json, place: int) -> str:
            value = self._value(answer, field)
            return value.reason if isinstance(value, Failure) else check(value, place)

        def asked(bodies: Sequence[Json]) -> list[Any | Failure]:
            found = self.endpoint.ask_all(PATH, bodies, watch, what, check=usable)
            return [one if isinstance(one, Failure) else self._value(one, field) for one in found]

        return asked(formed if self._takes_schema(formed, plain, usable) else plain)

    def _takes_schema(
        self, formed: Sequence[Json], plain: Sequence[Json], usable: Callable[[Json, int], str]
    ) -> bool:
        """As the settings say; else as answers from before show, or as one request tells."""
        if self.settings.answers != "auto":
            return self.settings.answers == "schema"
        if any(self.endpoint.has_kept(PATH, body) for body in formed):
            return True
        if not formed or any(self.endpoint.has_kept(PATH, body) for body in plain):
            return False
        (first,) = self.endpoint.ask_all(PATH, formed[:1], check=usable)
        self.endpoint.usage.failed = 0  # it is asked again
        return not (isinstance(first, Failure) and first.status in NO_SCHEMA)

    def _body(self, messages: list[dict[str, str]]) -> Json:
        names = {"temperature": "temperature", "answer_tokens": "max_tokens", "llm_seed": "seed"}
        settings = {sent: getattr(self.settings, name) for name, sent in names.items()}
        return {"model": self.model, "messages": messages, **settings}

    def _value(self, answer: Json, field: Field) -> Any | Failure:
        """What an answer says of the field."""
        try:
            choice = answer["choices"][0]
            text, finish = choice["message"]["content"] or "", choice.get("finish_reason")
        except (KeyError, IndexError, TypeError):
            return Failure("the answer is not of the form of a chat completion")
        text = re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL).strip()
        if not text:
            return Failure("the answer is empty")
        if self.settings.answers == "text":
            # A last line that was cut is no answer.
            whole = text.rpartition("\n")[0] if finish == "length" else text
            nothing = Failure("the answer was cut" if finish == "length" else "no answer in it")
            return nothing if (value := field.of_text(whole)) is None else value
        if finish == "length":
            return Failure(f"the answer was cut at {self.settings.answer_tokens} tokens")
        value = _json_field(text, field.name)
        kind = KINDS[field.schema["type"]]
        if not isinstance(value, kind) or isinstance(value, bool):
            return Failure(f"the answer is no JSON object with {field.name!r}")
        return value


def open_chat(workspace: Workspace) -> Chat:
    """The model that settings and environment name.

    Raises:
        UserError: there is no endpoint or no name of a model.
    """
    endpoint = open_endpoint(workspace.settings.endpoint, workspace.root)
    model = workspace.settings.chat.llm or variable(MODEL_VARIABLE, workspace.root)
    if not model:
        raise UserError(f"no language model: name it with --llm, or in {MODEL_VARIABLE}")
    return Chat(endpoint, workspace.settings.chat, model)


def _json_field(text: str, name: str) -> Any:
    """A field of the first JSON object in a text that has it, or None: models put words or fences around it."""
    decoder = json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and name in found:
            return found[name]
    return None
