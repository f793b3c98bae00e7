"""Model card: everything needed to encode with a model correctly, and to group results by kind of model."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from xlembed.data.languages import Language
from xlembed.data.patterns import compile_pattern
from xlembed.fields import Positive
from xlembed.files import Record
from xlembed.words import DType, Kind, Lang, Pooling, Role, base_language


class PackagedFile(Record):
    """A data file that is converted into an ordinary folder, once; no other file than exactly this one."""

    name: str
    n_bytes: int
    sha256: str


class PackagedWeights(Record):
    """Weights that an installed Python package carries: a folder, or a file to be converted."""

    module: str
    install: str
    """What pip is asked for."""
    marker: str = ""
    """Environment marker (PEP 508) of the machines that the package serves; empty: all."""
    folder: str = ""
    file: PackagedFile | None = None
    fetch: str = ""
    """Make target that downloads the package without installing it; empty: it is installed."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> PackagedWeights:
        if bool(self.folder) == bool(self.file):
            raise ValueError("expected either folder or file")
        return self


class Service(Record):
    """An embedding service: a model behind an OpenAI-compatible ``/v1/embeddings``, which is asked and paid for."""

    model: str
    """In the service's words."""
    url: str = ""
    """Address, ending in ``/v1`` as a rule; empty: XLEMBED_API_URL, else OPENAI_BASE_URL."""
    key: str = ""
    """Variable of the environment that holds the key; the key itself is never written down."""
    dimensions: int | None = Field(default=None, ge=1)
    """Asked of services that can cut their vectors."""
    batch: int = Field(default=64, ge=1, le=2048)
    """Texts per request."""
    longest: int | None = Field(default=None, ge=1)
    """Characters at which texts are cut before they are sent; services refuse what is too long."""
    requests_per_minute: int = Field(default=0, ge=0)
    concurrency: int = Field(default=4, ge=1, le=256)
    price: float = Field(default=0.0, ge=0)
    """Of a million tokens, in any currency."""
    budget: float = Field(default=0.0, ge=0)
    """Nothing more is asked once this much is spent; 0: no limit."""

    @field_validator("url")
    @classmethod
    def _has_no_secret(cls, url: str) -> str:
        if "@" in url or "?" in url:
            raise ValueError("an address holds no user name, password or query; `key` names a variable")
        return url

    @field_validator("key")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if name and not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError("expected the name of a variable of the environment, not the key itself")
        return name


class ModelCard(Record):
    """One entry of the catalogue (a YAML file under models/cards/, or an entry of params.yaml)."""

    name: str
    hub_id: str | None = None
    revision: str | None = None
    code_revision: str | None = None
    """Revision of the repository that the remote code comes from, when it is another one."""
    sha256: dict[str, str] = Field(default_factory=dict)
    """File of weights -> sha256 that its content must have, where that is known."""
    bundled: str | None = None
    """Folder inside the package that holds the weights."""
    packaged: PackagedWeights | None = None
    query_prompt: str = ""
    """Put before every query; `{instruction}` is replaced by the instruction."""
    document_prompt: str = ""
    folder_prompts: bool = False
    """The prompts are those that the repository's own files store; for models without a card."""
    instruction: str = ""
    """Default instruction of models that take one."""
    query_adapter: str | None = None
    document_adapter: str | None = None
    title_template: str = "{title} {text}"
    pooling: Pooling | None = None
    """None: as the folder's own modules say."""
    lexical: bool = False
    """Texts are found by their words; there are no vectors and nothing of the above applies."""
    given: bool = False
    """Vectors that were made elsewhere, in a folder, by the ids of one task; no other text can be encoded."""
    imported: bool = False
    """Another system, of which there are only rankings, beside its evaluation."""
    api: Service | None = None
    """A service that is asked for vectors."""
    kind: Kind = Kind.BI_ENCODER
    """Whether a text has a vector of its own, or only a pair of texts has a score."""
    layer_norm: bool = False
    """Layer norm without weights over the pooled vector, before truncation (Nomic)."""
    padding_side: Literal["left", "right"] | None = None
    dim: Positive | None = None
    matryoshka_dims: tuple[int, ...] = ()
    max_tokens: Positive | None = None
    dtype: DType = DType.FLOAT32
    weights: str = ""
    """What must be said of the weights wherever the model's numbers are shown: "4-bit weights"."""
    requires_remote_code: bool = False
    config_overrides: dict[str, JsonValue] = Field(default_factory=dict)
    """Entries put over the folder's config.json."""
    unused_weights: tuple[str, ...] = ()
    """Regular expressions of weights that the files hold and the model rightly leaves out."""
    languages: tuple[Language, ...] = ()
    """ISO 639; empty: unknown, nothing is labelled."""
    licence: str = ""
    citation: str = ""
    """Key of references.bib, or an address."""
    gated: bool = False
    parameters: Positive | None = None
    year: int | None = None
    objective: str = ""
    training_data: str = ""
    unconfirmed: tuple[str, ...] = ()
    """Fields that were not checked against the weights."""
    notes: tuple[str, ...] = ()

    @field_validator("unused_weights")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            compile_pattern(pattern, "pattern")
        return patterns

    @field_validator("unconfirmed")
    @classmethod
    def _are_fields(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [field for field in fields if field not in cls.model_fields]
        if wrong:
            raise ValueError(f"no fields of a card: {', '.join(wrong)}")
        return fields

    @property
    def english_only(self) -> bool:
        """Whether results in other languages must carry the label."""
        return self.languages == ("en",)

    @property
    def has_vectors(self) -> bool:
        """Whether a text has a vector of its own."""
        return not (self.lexical or self.imported) and self.kind is Kind.BI_ENCODER

    @property
    def has_files(self) -> bool:
        """Whether there are weights and a tokenizer to load."""
        return not (self.lexical or self.given or self.imported or self.api)

    def prompt(self, role: Role, instruction: str = "") -> str:
        """The exact text put before an input of this role."""
        template = self.query_prompt if role is Role.QUERY else self.document_prompt
        return template.replace("{instruction}", instruction or self.instruction)

    def adapter(self, role: Role) -> str | None:
        """Name of the adapter that is active for this role."""
        return self.query_adapter if role is Role.QUERY else self.document_adapter

    def label(self, lang: Lang) -> str | None:
        """What must be shown beside a number in this language, if anything."""
        # Who knows a language is taken to know its varieties.
        if not self.languages or {lang, base_language(lang)} & {*self.languages}:
            return None
        return "English-only model" if self.english_only else "language not supported"
