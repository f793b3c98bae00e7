"""A model for workers in other processes: the fake encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embeddings.hashing_encoder import HashingEncoder
from xlembed.settings import EncodeSettings
from xlembed.words import Role


@dataclass
class HashingAssignment:
    """See `embeddings.assignment.Assignment`; `options` of the encoder."""

    options: dict[str, Any] = field(default_factory=dict)
    settings: EncodeSettings = field(default_factory=lambda: EncodeSettings(workers=2, device="cpu"))

    def encoders(self, device: str = "") -> Mapping[Role, HashingEncoder]:
        return dict.fromkeys(Role, HashingEncoder(**self.options))

    def elsewhere(self) -> HashingAssignment:
        return self

    def check(self) -> None:
        pass
