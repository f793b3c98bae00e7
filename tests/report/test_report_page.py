"""The page in a real browser: sorting, filtering, details, and a script of others that must not run."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fakes.document_fakes import NAMES, hostile, inputs
from xlembed.report.assemble import assemble
from xlembed.show.html import to_html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REPORTER = """
<script>
window.addEventListener("load", () => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const visible = (element) => element.checkVisibility();
  const column = (id, i) => all(`#${CSS.escape(id)} tbody tr`).filter(visible).map((r) => r.cells[i].innerText.trim());
  const result = {};
  try { STEPS } catch (error) { result.error = String(error); }
  const out = document.createElement("pre");
  out.id = "result";
  out.textContent = JSON.stringify(result);
  document.body.append(out);
});
</script>
"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on PATH")
    return found


def dump(browser: str, page: str, folder: Path, width: int = 1400) -> str:
    """The document after its scripts have run."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},1000", "--virtual-time-budget=3000", "--dump-dom", file.as_uri(),
        ],
        capture_output=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def play(browser: str, page: str, steps: str, folder: Path, width: int = 1400) -> dict[str, Any]:
    """What a script found that was put into the page, whose own rule against foreign scripts is taken out."""
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert open_page != page
    played = open_page.replace("</body>", REPORTER.replace("STEPS", steps) + "</body>")
    (said,) = re.findall(r'<pre id="result">(.*?)</pre>', dump(browser, played, folder, width), re.DOTALL)
    found: dict[str, Any] = json.loads(html.unescape(said))
    assert "error" not in found, found
    return found


@pytest.fixture(scope="module")
def page() -> str:
    return to_html(assemble(inputs()))


def test_a_click_on_a_head_sorts(browser: str, page: str, tmp_path: Path) -> None:
    steps = """
      const heads = all("#table-headline thead th");
      const values = () => column("table-headline", 3).map(parseFloat);
      result.before = heads.map((h) => h.getAttribute("aria-sort"));
      heads[3].querySelector("button").click();
      result.down = values(); result.state = heads.map((h) => h.getAttribute("aria-sort"));
      heads[3].querySelector("button").click();
      result.up = values(); result.turned = heads[3].getAttribute("aria-sort");
      heads[0].querySelector("button").focus();
      result.focus = document.activeElement.textContent;
      document.activeElement.click();
      result.names = column("table-headline", 0);
      result.foot = all("#table-headline tfoot td")[0].innerText;
    """
    found = play(browser, page, steps, tmp_path)
    assert found["before"] == ["none"] * 5
    assert found["down"] == sorted(found["down"], reverse=True) and len(set(found["down"])) == len(NAMES)
    assert found["state"] == ["none", "none", "none", "descending", "none"]
    assert found["up"] == found["down"][::-1] and found["turned"] == "ascending"
    assert found["focus"] == "model" and found["names"] == sorted(NAMES)
    assert found["foot"].startswith("units")


def test_languages_can_be_taken_away(browser: str, page: str, tmp_path: Path) -> None:
    steps = """
      document.querySelector("details > table, #table-pairs").closest("details").open = true;
      const box = document.querySelector("input[name=lang][value=de]");
      const matrix = () => all(".choice").filter(visible);
      const heads = () => all("thead th", matrix()[0]).filter(visible).map((h) => h.innerText);
      result.before = [column("table-languages", 0).length, column("table-pairs", 0).length, heads()];
      box.click();
      result.after = [column("table-languages", 0).length, column("table-pairs", 0).length, heads()];
      result.pairs = [...new Set([...column("table-pairs", 0), ...column("table-pairs", 1)])].sort();
      result.headline = column("table-headline", 0).length;
      result.said = document.getElementById("languages-count").textContent;
      document.getElementById("no-languages").click();
      result.none = column("table-languages", 0).length;
      document.getElementById("all-languages").click();
      result.all = column("table-languages", 0).length;
    """
    found = play(browser, page, steps, tmp_path)
    n = len(NAMES)
    assert found["before"][:2] == [6 * n, 30 * n] and found["after"][:2] == [5 * n, 20 * n]
    assert "de" in found["before"][2] and "de" not in found["after"][2] and "en" in found["after"][2]
    assert found["pairs"] == ["en", "es", "fr", "ja", "zh"] and found["said"].startswith("5 of 6")
    assert (found["headline"], found["none"], found["all"]) == (n, 0, 6 * n)


def test_one_matrix_is_shown_and_details_follow_the_pointer(browser: str, page: str, tmp_path: Path) -> None:
    steps = """
      const shown = () => all(".choice").filter(visible).map((m) => [m.dataset.model, m.dataset.pool]);
      result.first = shown();
      const select = document.getElementById("matrix-model");
      select.selectedIndex = 2; select.dispatchEvent(new Event("change", { bubbles: true }));
      document.querySelector("input[name=pool][value=target]").click();
      result.second = shown(); result.model = select.value;
      const cell = document.querySelector("#table-headline tbody td[data-tip]");
      const tip = document.getElementById("tip");
      result.hidden = tip.hidden;
      cell.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
      result.tip = tip.innerText;
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
      result.gone = tip.hidden;
      document.querySelector("g.point").dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
      result.point = tip.innerText;
    """
    found = play(browser, page, steps, tmp_path)
    assert found["first"] == [[inputs().models[0], "all"]]
    assert found["second"] == [[found["model"], "target"]] and found["model"] == inputs().models[2]
    assert found["hidden"] and found["gone"]
    assert "210 units, 210 needs, 30 clusters" in found["tip"] and "Wilson" in found["tip"]
    assert inputs().models[0] in found["point"]


@pytest.mark.parametrize("width", [1400, 800])
def test_nothing_is_cut_off(browser: str, page: str, tmp_path: Path, width: int) -> None:
    """The page itself never scrolls sideways, and the first table needs no scrolling at all."""
    steps = """
      result.page = document.documentElement.scrollWidth - document.documentElement.clientWidth;
      const box = document.querySelector("#verdicts .scroll");
      result.table = box.scrollWidth - box.clientWidth;
      const names = all("#verdicts td, .verdict p").filter((e) => e.scrollWidth > e.clientWidth + 1);
      result.cut = names.map((e) => e.innerText);
    """
    assert play(browser, page, steps, tmp_path, width) == {"page": 0, "table": 0, "cut": []}


def test_a_script_in_a_name_does_not_run(browser: str, tmp_path: Path) -> None:
    page = to_html(assemble(hostile()))
    found = play(
        browser, page, "result.title = document.title; result.scripts = document.scripts.length;", tmp_path
    )
    assert found["title"].startswith("Which embedding model for <script>") and found["scripts"] == 2


def test_only_the_scripts_of_the_page_run(browser: str, page: str, tmp_path: Path) -> None:
    """Were an escape forgotten one day, the rule in the page's head would still stop what gets in."""
    bad = page.replace("</header>", "<script>document.title = 'run'</script></header>")
    dumped = dump(browser, bad, tmp_path)
    assert "<title>Which embedding model for reviews_sample?</title>" in dumped
    assert "6 of 6 shown" in dumped  # the page's own script did run
