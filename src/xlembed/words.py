"""Words that every room of the house shares; numpy only."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Lang = str
"""ISO 639-1 code (``en``), ISO 639-3 where there is none (``ceb``), perhaps with a script or region that is kept apart
(``zh-Hant``, ``pt-BR``)."""

Vectors = NDArray[np.float32]
"""float32, shape (n, dim)."""

TokenVectors = NDArray[np.object_]
"""Shape (n,): of each text an array of its tokens' vectors, shape (tokens, dim)."""


class UserError(ValueError):
    """Bad input or bad usage: the message says what was expected, what was found and how to mend it."""


class Choice(enum.StrEnum):
    """A closed set of words; a wrong one is answered with the list of right ones."""

    @classmethod
    def _missing_(cls, value: object) -> Choice:
        raise UserError(f"{value!r} is not a {cls.__name__}: choose one of {', '.join(cls)}")


class Role(Choice):
    """What a text is to the encoder; it decides prompt and adapter."""

    QUERY = "query"
    DOCUMENT = "document"


class Mode(Choice):
    """One way of evaluating (definitions: docs/evaluate.md)."""

    MONOLINGUAL = "monolingual"
    CROSS_LINGUAL = "cross_lingual"
    TRUE_CROSS_LINGUAL = "true_cross_lingual"


class Pool(Choice):
    """The documents searched: all of them, or those of the target language."""

    ALL = "all"
    TARGET = "target"


class OtherVersions(Choice):
    """How a unit treats its need's relevant documents in other languages."""

    IGNORE = "ignore"
    WRONG = "wrong"
    RELEVANT = "relevant"


class DType(Choice):
    """Number format of the model's computation, and whose it is where not torch's."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    OPENVINO = "openvino"
    """float32, computed by OpenVINO on the processor."""
    INT8 = "int8"
    """Weights and activations in 8 bits, computed by OpenVINO likewise."""

    @property
    def on_openvino(self) -> bool:
        """Whether OpenVINO computes."""
        return self in (DType.OPENVINO, DType.INT8)

    @property
    def loaded_as(self) -> str:
        """Torch's name of the format that weights are loaded in."""
        return "float32" if self.on_openvino else self.value


class Kind(Choice):
    """How a model judges that a document fits a query."""

    BI_ENCODER = "bi_encoder"
    """A vector per text; cosine."""
    CROSS_ENCODER = "cross_encoder"
    """Reads both texts at once; can only rank anew."""
    LATE_INTERACTION = "late_interaction"
    """A vector per token; a query's tokens are compared with a document's one by one (MaxSim)."""
    CAUSAL = "causal"
    """Writes text, token by token; judges nothing until it is fine-tuned, as the base of a rival."""


class Pooling(Choice):
    """How token vectors become one text vector."""

    MEAN = "mean"
    CLS = "cls"
    LASTTOKEN = "lasttoken"
    STATIC = "static"


def base_language(lang: Lang) -> Lang:
    """The language of a variety, which is what models, stemmers and analyzers know.

    >>> base_language("zh-Hant"), base_language("ceb")
    ('zh', 'ceb')
    """
    return lang.partition("-")[0]


def near_miss(word: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(map(str, known)), n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def counted(n: int, one: str, many: str = "") -> str:
    """A number and its noun.

    >>> counted(1, "query", "queries"), counted(2000, "probe")
    ('1 query', '2,000 probes')
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
