"""A fake encoder: vectors from hashed texts, with last bits that depend on the batch, as real ones."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xlembed.models.encoder import OutOfMemory
from xlembed.words import Role, Vectors


@dataclass
class HashingEncoder:
    """A token is a word; `encoded` lists what was encoded, batch by batch."""

    dim: int = 8
    device: str = "cpu"
    max_tokens: int | None = None
    fits: int | None = None
    """Padded tokens of the largest batch that does not run out of memory."""
    kill_at: int | None = None
    """Number of the batch (from 1) in which the process kills itself."""
    killed: Path | None = None
    """A file: only the process that can make it kills itself."""
    log: Path | None = None
    """File to which encoded texts are appended."""
    seconds_per_batch: float = 0
    pads: bool = True
    special: dict[str, float] = field(default_factory=dict)
    """Texts whose vector is this number everywhere."""
    encoded: list[list[str]] = field(default_factory=list)

    def token_counts(self, texts: Sequence[str], role: Role) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode_batch(self, texts: Sequence[str], role: Role) -> Vectors:
        longest = max(self.token_counts(texts, role))
        if self.fits is not None and longest * len(texts) > self.fits:
            raise OutOfMemory("no room")
        self.encoded.append(list(texts))
        if self.kill_at == len(self.encoded) and self._may_die():
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds_per_batch)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write("".join(f"{text}\n" for text in texts))
        vectors = np.stack([self.vector(text) for text in texts])
        return (vectors * (1 + 1e-5 * len(texts) + 1e-6 * longest)).astype(np.float32)

    def _may_die(self) -> bool:
        try:
            if self.killed is not None:
                self.killed.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def vector(self, text: str) -> Vectors:
        if text in self.special:
            return np.full(self.dim, self.special[text], dtype=np.float32)
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).normal(size=self.dim)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    @property
    def texts(self) -> list[str]:
        """Everything encoded so far."""
        return [text for batch in self.encoded for text in batch]


def sentences(n: int) -> list[str]:
    """Different texts of 1 to 7 words."""
    return [" ".join([f"text{i}", *["word"] * (i * 5 % 7)]) for i in range(n)]
