"""Settings of what asks a language model, and of the checks of what it wrote."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xlembed.fields import Section


class EndpointSettings(Section):
    """Where an OpenAI-compatible endpoint is, and how it may be asked (docs/generate.md). The key is never here."""

    url: str = Field(default="", json_schema_extra={"option": "api_url"})
    """Address of an OpenAI-compatible endpoint (default: XLEMBED_API_URL, else OPENAI_BASE_URL)."""
    requests_per_minute: int = Field(default=0, ge=0)
    """Requests per minute, further tries included; 0: no limit."""
    concurrency: int = Field(default=4, ge=1, le=256)
    """Requests under way at once."""
    retries: int = Field(default=5, ge=0, le=20)
    """Further tries after a rate limit, an error of the server or a broken line, later and later."""
    attempts: int = Field(default=3, ge=1, le=10)
    """Times that an unusable answer is asked for, each with another seed."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that an answer may take."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens sent, in any currency."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens received."""
    budget: float = Field(default=0.0, ge=0)
    """Ask nothing more once this much is spent, in the prices' currency; 0: no limit."""


class ChatSettings(Section):
    """The language model, and how it answers."""

    llm: str = ""
    """Language model, in the endpoint's words (default: XLEMBED_API_MODEL)."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    """Of the language model; 0: always the likeliest word."""
    answer_tokens: int = Field(default=500, ge=1)
    """Tokens of an answer, at most."""
    llm_seed: int = Field(default=42, ge=0)
    """Seed that is sent with each request; endpoints may ignore it."""
    answers: Literal["auto", "schema", "json", "text"] = "auto"
    """schema: JSON by a schema that the endpoint keeps to; json: as asked; text: lines; auto: schema, else json."""


class GenerateSettings(Section):
    """Questions that a language model writes about documents, and their translation (docs/generate.md)."""

    documents_per_language: int = Field(default=50, ge=1)
    """Documents of each language that are asked about, at most."""
    questions: int = Field(default=1, ge=1, le=20)
    """Questions about each document."""
    shortest: int = Field(default=40, ge=1)
    """Characters below which no document is asked about."""
    longest: int = Field(default=6000, ge=100)
    """Characters of a document that are shown to the language model."""
    documents_seed: int = 42
    """Of the choice of documents."""
    prompt: str = ""
    """File with the prompt for questions (default: the package's; --show-prompt prints it)."""


class CheckSettings(Section):
    """When a question is doubted (docs/check.md)."""

    by: str = "static_multilingual"
    """Model whose vectors say whether a question finds its document, and whether a translation is near its original."""
    copied: float = Field(default=0.5, gt=0, le=1)
    """Share of a question's words that stand in its document in one piece, from which on it is reviewed."""
    copied_reject: float = Field(default=0.8, gt=0, le=1)
    """The same, from which on it is rejected."""
    spread: float = Field(default=3.0, gt=0)
    """Deviations from the usual length of its language, from which on a question is reviewed."""
    near_copy: float = Field(default=0.5, gt=0, le=1)
    """Overlap of two documents' runs of five characters (Jaccard), from which on one is a near copy."""
    found_by: int = Field(default=10, ge=1)
    """A question whose document comes later than this rank is reviewed."""


class JudgeSettings(Section):
    """Which documents a language model grades (docs/judge.md)."""

    pooled: int = Field(default=5, ge=1, le=100)
    """Documents of each model's ranking over all languages that are graded."""
    needs: int = Field(default=0, ge=0)
    """Questions whose documents are graded, drawn with a seed; 0: all."""
    judge_seed: int = 42
    """Of the choice of questions."""
    longest: int = Field(default=6000, ge=100)
    """Characters of a document that are shown to the language model."""
    prompt: str = ""
    """File with the prompt for grades (default: the package's; --show-prompt prints it)."""
