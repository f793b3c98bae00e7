from __future__ import annotations

import pytest

from xlembed.data import patterns
from xlembed.data.patterns import compile_pattern, find_pattern
from xlembed.words import UserError


def test_a_match_in_a_text_and_of_a_whole_text() -> None:
    pattern = compile_pattern(r"(\w+)_\d", "here")
    assert find_pattern(pattern, "a_1b", "here")[1] == "a"
    assert find_pattern(pattern, "a_1b", "here", whole=True) is None


def test_what_is_no_pattern_and_what_runs_away_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^here: '\(' is no regular expression: missing \)"):
        compile_pattern("(", "here")
    monkeypatch.setattr(patterns, "SECONDS", 0.05)
    with pytest.raises(UserError, match=r"^here: .* runs away on 'aaa.*write one of them$"):
        find_pattern(compile_pattern("(?:a|aa)+$", "here"), 60 * "a" + "!", "here", whole=False)
