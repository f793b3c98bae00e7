"""The explorer's page in a real browser, opened from the disk: 5,000 queries, one of them hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from explore.browser import Browser, lacking, started
from fakes.explored import ARABIC, HOSTILE, write_made_up, write_unjudged
from xlembed.explore.page import script_text

N = 5000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made up")
    write_made_up(folder, N)
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := lacking():
        pytest.skip(reason)
    with started(tmp_path_factory.mktemp("profile")) as found:
        yield found


def queries(browser: Browser) -> list[str]:
    return browser.texts(".unit h3")


def test_data_are_safe_as_a_script() -> None:
    text = script_text("queries", 0, [HOSTILE])
    assert "</" not in text and "\u2028" not in text and text.count("\n") == 1
    (value,) = re.findall(r"^explorerData\(\"queries\", 0, (.*)\);$", text.strip())
    assert json.loads(value) == [HOSTILE]


def test_the_page_holds_no_markup_of_a_query(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert "question number" not in html and "made &lt;b&gt;up&lt;/b&gt;" in html
    assert "&lt;img" in html and "<img" not in html and html.count("</script>") == 1
    assert not re.search(r"https?://", html)
    assert len(list(page.parent.glob("data/units-*.js"))) == N // 100


def test_thousands_of_queries_open_at_once_and_nothing_is_fetched(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.text("#status") == "Units 1 to 10 of 5,000"
    # A is ahead where B has rank 2 and A rank 1: the lowest of these is query 1
    assert queries(browser)[:2] == ["question number 1", ARABIC]
    loaded = browser.run("performance.getEntriesByType('resource').map((e) => e.name)")
    scripts = browser.run("[...document.scripts].map((s) => s.src).filter(Boolean)")
    assert 4 <= len(scripts) < 10  # not all 54 parts
    assert all(place.startswith("file:") for place in [*loaded, *scripts])
    told = "addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective))"
    tried = f"new Promise((done) => {{ {told}; fetch('http://127.0.0.1:9/').catch(() => 0); }})"
    assert browser.run(tried) == "connect-src"  # and it could not


def test_a_card_shows_ranks_marks_and_the_right_answer(browser: Browser, page: Path) -> None:
    browser.open(page, "sort=b")  # B has it first, A only at rank 20, which is not shown: query 0
    card = browser.text(".unit")
    assert "A rank 20 (0.500), B rank 1 (0.500)" in card
    left, right = browser.texts(".unit:first-child .sides section")
    assert (
        "✗ meaning, truncated – right answer: rank 20" in left
        and "✓ right" not in left.partition("rank 20")[2]
    )
    assert (
        "✓ right – right answer: rank 1" in right
        and right.count("✓ right") == 2
        and right.count("✗ wrong") == 9
    )
    assert "second (English-only model" in right
    assert "傘の話 1" in left and "ja" in left


def test_hostile_text_is_shown_and_never_run(browser: Browser, page: Path) -> None:
    browser.open(page, "sort=task")
    assert queries(browser)[0].startswith("</script><script>") and queries(browser)[0].endswith("&amp;")
    assert HOSTILE.partition("\u2028")[0] in browser.text(".answers .text")
    assert browser.run("document.title") == "made <b>up</b>: query by query"
    assert browser.run("document.querySelectorAll('#list script, #list img').length") == 0


def test_the_address_says_what_is_shown(browser: Browser, page: Path) -> None:
    browser.open(page, "show=a")
    assert browser.text("#status").startswith("Units 1 to 10 of 2,000 ")  # odd and no multiple of 5
    browser.open(page, "show=b&page=3")
    assert browser.text("#status").startswith("Units 21 to 30 of 500 ")
    browser.open(page, "show=none&ea=truncated&eb=words&from=ja&sort=task&page=99999")
    assert browser.text("#status").startswith("Units 161 to 166 of 166 ")  # 25, 55, ... 4975
    assert queries(browser)[-1] == "question number 4975"
    browser.open(page, "q=NUMBER%20%EF%BC%94%EF%BC%99%EF%BC%99%EF%BC%99")  # full-width digits
    assert queries(browser) == ["question number 4999"]
    browser.open(page, "a=1&b=0&show=zzz&sort=zzz&mode=9&page=x")
    assert browser.text("#status").startswith("No unit is like that")
    browser.open(page, "a=7&page=x")
    assert browser.text("#status") == "Units 1 to 10 of 5,000"


def test_texts_run_in_their_own_direction(browser: Browser, page: Path) -> None:
    browser.open(page, "q=q3&sort=task")
    assert queries(browser)[0] == ARABIC
    direction = "getComputedStyle(document.querySelector('.unit h3')).direction"
    assert browser.run(direction) == "rtl"
    assert browser.run("document.querySelector('.unit h3').lang") == "ar"


def test_mouse_and_keyboard_do_the_same(browser: Browser, page: Path) -> None:
    browser.open(page, "sort=task")
    browser.click(".pager button:nth-of-type(3)")
    browser.wait("document.querySelector('#status').innerText.startsWith('Units 11 to 20')")
    assert browser.run("location.hash") == "#sort=task&page=2"
    assert browser.run("document.activeElement.id") == "status"
    browser.type("#filters [name=q]", "number 4321")
    browser.wait("document.querySelectorAll('.unit').length === 1")
    assert browser.run("location.hash").startswith("#sort=task&q=number")
    browser.type("#filters [name=show]", "both wrong")  # a select takes letters
    browser.wait("document.querySelectorAll('.unit').length === 0")
    browser.type("#filters [type=reset]", "\ue007")  # Enter
    browser.wait("document.querySelector('#status').innerText === 'Units 1 to 10 of 5,000'")


def test_a_missing_part_is_told(browser: Browser, page: Path, tmp_path: Path) -> None:
    copy = tmp_path / "index.html"
    copy.write_bytes(page.read_bytes())
    browser.visit(copy)
    browser.wait("document.querySelector('#status.bad') !== null")
    assert browser.text("#status") == "data/index-0.js is missing beside this page"


def test_a_verdict_is_marked_kept_and_saved(browser: Browser, page: Path) -> None:
    browser.open(page, "q=number+17")
    assert browser.run("document.getElementById('save').hidden")
    mark = "((b) => { b.value = 'reject'; b.dispatchEvent(new Event('change')); return true; })"
    assert browser.run(f"{mark}(document.querySelector('.unit select[name=verdict]'))")
    assert browser.text("#save") == "Save verdicts (1 marked here)"
    browser.open(page, "v=reject")  # as when the page is opened again
    assert browser.text("#status").startswith("Units 1 to 1 of 1 ")
    browser.run(
        "(() => { window.saved = []; URL.createObjectURL = (blob) => { blob.text().then((t) => saved.push(t)); "
        "return '#'; }; document.getElementById('save').click(); return true; })()"
    )
    browser.wait("saved.length === 1")
    assert re.fullmatch(r'query_id,verdict\n"[^"]+",reject\n', browser.run("saved[0]"))


def test_a_page_without_judgements_shows_rankings_where_they_differ_first(
    browser: Browser, tmp_path: Path
) -> None:
    write_unjudged(tmp_path)
    browser.open(tmp_path / "index.html")
    assert browser.text("#status") == "Queries 1 to 3 of 3"
    assert queries(browser)[:2] == ["question number 2", "question number 1"]
    names = browser.texts("#filters label")
    assert "Sort by" in " ".join(names) and not any("error" in name or "answer" in name for name in names)
    card = browser.text(".unit")
    assert "right" not in card and "wrong" not in card and "Shall it stay?" in card
    left, right = browser.texts(".unit:first-child .sides section")
    assert left.startswith("A first") and right.startswith("B second (English-only model")
    wide = browser.run("document.querySelector('.hit .text').clientWidth")
    assert wide > 300  # the text has the room, not a column that is empty
    browser.open(tmp_path / "index.html", "sort=task")
    assert queries(browser)[1:] == ["question number 1", "question number 2"]
