"""An embedding service in the place of an encoder: batches of texts to an OpenAI-compatible ``/embeddings``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlembed.embeddings.derive import derive
from xlembed.llm_settings import EndpointSettings
from xlembed.models.card import ModelCard, Service
from xlembed.models.endpoint import Failure, open_endpoint
from xlembed.models.fingerprint import Fingerprint
from xlembed.words import Role, UserError, Vectors

PATH = "/embeddings"


class ServiceEncoder:
    """Asks for vectors; see `models.encoder.Encoder`. Prompts are put before the texts here.

    Args:
        name: of the model, for messages.
        card: with the prompts and, where it is known, the dimension.
        service: what is asked, and how.
        root: of the checkout, whose `.env` may hold the key.
        instruction: put in place of the card's.

    Raises:
        UserError: there is no address.
    """

    device = "service"
    max_tokens = None
    pads = False

    def __init__(self, name: str, card: ModelCard, service: Service, root: Path, instruction: str) -> None:
        self._name, self._service = name, service
        self._prompts = {role: card.prompt(role, instruction) for role in Role}
        self._template = card.title_template
        settings = EndpointSettings(
            url=service.url,
            requests_per_minute=service.requests_per_minute,
            concurrency=service.concurrency,
            price_in=service.price,
            budget=service.budget,
        )
        self._endpoint = open_endpoint(settings, root, service.key)
        self.dim = service.dimensions or card.dim or 0

    def fingerprint(self, storage_dtype: str) -> Fingerprint:
        """What determines the vectors, as far as one can know of a service: its address, and what it is told."""
        asked = {name: getattr(self._service, name) for name in ("model", "dimensions", "longest")}
        return Fingerprint(
            {
                "scheme": 1,
                "service": {"url": self._endpoint.url, **asked},
                "prompts": {role.value: prompt for role, prompt in self._prompts.items()},
                "title_template": self._template,
                "storage_dtype": storage_dtype,
            }
        )

    def spent(self) -> str:
        """What was asked, and its cost; empty if nothing was."""
        usage = self._endpoint.usage
        return f"{self._name}: {usage.told()}" if usage.answered else ""

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        """Nothing is known of tokens before they are paid."""
        return [0] * len(texts)

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        """Vectors of any number of texts: float32, of unit length.

        Raises:
            UserError: the service cannot be reached, refuses, or gives something else than a vector per text.
        """
        inputs = [f"{self._prompts[role]}{text}"[: self._service.longest] for text in texts]
        size = self._service.batch
        parts = [inputs[start : start + size] for start in range(0, len(inputs), size)]
        dimensions = {"dimensions": n} if (n := self._service.dimensions) else {}
        fixed = {"model": self._service.model, "encoding_format": "float", **dimensions}
        answers = self._endpoint.ask_all(
            PATH,
            [{**fixed, "input": part} for part in parts],
            check=lambda answer, place: self._wrong(answer, len(parts[place])),
            cache=False,  # the store of vectors keeps them
        )
        for answer, part in zip(answers, parts, strict=True):
            if isinstance(answer, Failure):
                raise UserError(
                    f"{self._name}: no vectors for {len(part):,} texts, the first is {part[0][:60]!r}: "
                    f"{answer.reason}. What was encoded before is kept"
                )
        rows = [row for answer in answers if not isinstance(answer, Failure) for row in _in_order(answer)]
        return derive(np.array(rows, dtype=np.float32), None)

    def _wrong(self, answer: Mapping[str, Any], n: int) -> str:
        """Why an answer cannot be used, or nothing; the dimension of the first one is that of all."""
        data = answer.get("data")
        if not isinstance(data, list) or len(data) != n:
            return f"expected {n} vectors in `data`, found {len(data) if isinstance(data, list) else 'none'}"
        try:
            rows = np.array(_in_order(answer), dtype=np.float32)
        except (TypeError, ValueError, KeyError, IndexError):
            return "`data` holds no `embedding` of numbers for every `index`, all of one length"
        if rows.ndim != 2 or not np.isfinite(rows).all():
            return "a vector holds something else than finite numbers"
        self.dim = self.dim or rows.shape[1]
        return "" if rows.shape[1] == self.dim else f"expected {self.dim} dimensions, found {rows.shape[1]}"


def _in_order(answer: Mapping[str, Any]) -> list[Any]:
    """Vectors in the order of the texts."""
    by_index = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
    return [by_index[i] for i in range(len(answer["data"]))]
