"""Settings of what asks a language model, and of the checks of what it wrote."""

from __future__ import annotations

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
