"""A real browser without a window, driven through chromedriver by W3C's WebDriver protocol."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--window-size=1300,1000", "--force-prefers-reduced-motion"),
)
PATIENCE = 60
"""Seconds: machines are busy."""


class Browser:
    """One window.

    Args:
        place: of chromedriver's session.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def visit(self, page: Path, state: str = "") -> None:
        """Load a page from the disk with a state in its address."""
        post(f"{self.place}/url", {"url": "about:blank"})  # another state alone would load nothing
        post(f"{self.place}/url", {"url": f"{page.as_uri()}{'#' * bool(state)}{state}"})

    def open(self, page: Path, state: str = "") -> None:
        """The same, until its list is drawn."""
        self.visit(page, state)
        self.wait("document.documentElement.dataset.ready === '1'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return post(f"{self.place}/execute/sync", {"script": f"return {script};", "args": []})

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        ends = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < ends, f"never true: {condition}; status: {self.text('#status')}"
            time.sleep(0.05)

    def text(self, selector: str) -> str:
        """What an element shows."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def texts(self, selector: str) -> list[str]:
        """What several elements show."""
        return list(
            self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)")
        )

    def element(self, selector: str) -> str:
        """Address of an element."""
        found = post(f"{self.place}/element", {"using": "css selector", "value": selector})
        return f"{self.place}/element/{next(iter(found.values()))}"

    def click(self, selector: str) -> None:
        """As a mouse does."""
        post(f"{self.element(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """As a keyboard does."""
        post(f"{self.element(selector)}/value", {"text": text})


def post(url: str, content: dict[str, Any]) -> Any:
    """What chromedriver answers; its own message where it refuses."""
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(json.load(error)["value"]["message"]) from None


def lacking() -> str:
    """Why there is no browser; empty: there is one."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and '.join(absent)} on this machine (Debian: chromium, chromium-driver)" if absent else ""


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Browser]:
    """A browser with a profile in an empty folder; both programs end with the block."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout is not None
        said = next(line for line in driver.stdout if "started successfully on port" in line)
        root = f"http://127.0.0.1:{said.rpartition(' ')[2].strip().rstrip('.')}"
        options = {"args": [*FLAGS, f"--user-data-dir={folder}"], "binary": shutil.which("chromium")}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        place = f"{root}/session/{post(f'{root}/session', wanted)['sessionId']}"
        try:
            yield Browser(place)
        finally:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(place, method="DELETE"), timeout=PATIENCE)
    finally:
        driver.terminate()
        driver.wait(PATIENCE)
