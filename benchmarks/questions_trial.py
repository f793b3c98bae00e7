"""SmolLM2-135M behind `transformers serve` writes questions about the bundled reviews, up to an evaluated task.

Run by `make trial-questions`; what came of it stands in docs/generate.md. Everything is written below trial/questions/.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "trial" / "questions"
MODELS = "static_multilingual,bm25"
PROMPT = ROOT / "benchmarks" / "prompts" / "smollm2_questions.txt"
PATIENCE = 300
"""Seconds until the server must answer."""


def xlembed(*words: str) -> None:
    print("$ xlembed", *words, flush=True)
    subprocess.run([BIN / "xlembed", *words], check=True, cwd=PLACE)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(PATIENCE):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                sys.exit("the server ended: pip install 'transformers[serving]'")
            time.sleep(1)
    sys.exit(f"no answer from {url} in {PATIENCE} s")


def main() -> None:
    (PLACE / "data").mkdir(parents=True, exist_ok=True)
    if not (PLACE / "data" / "reviews_sample").exists():
        (PLACE / "data" / "reviews_sample").symlink_to(ROOT / "data" / "reviews_sample")
    card = subprocess.run(
        [BIN / "xlembed", "models", "smollm2_135m_q4", "--json"], check=True, capture_output=True, text=True
    )
    folder = json.loads(card.stdout)["folder"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = [
        BIN / "transformers",
        "serve",
        folder,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    server = subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}", server)
        os.environ |= {"XLEMBED_API_URL": f"http://127.0.0.1:{port}/v1", "XLEMBED_API_MODEL": folder}
        xlembed(
            *("generate-queries", "-t", "reviews_sample", "--name", "smollm2_asked", "--force"),
            *("--languages", "en", "--documents-per-language", "60", "--prompt", str(PROMPT)),
            *("--answers", "text", "--answer-tokens", "60", "--temperature", "0.2"),
            *("--concurrency", "2", "--timeout", "600"),
        )
    finally:
        server.terminate()
    verdicts = "reports/check/smollm2_asked/queries.csv"
    xlembed("check-queries", "-t", "smollm2_asked")
    xlembed(
        *("check-queries", "-t", "smollm2_asked", "--apply", verdicts, "--name", "smollm2_clean"),
        *("--review", "drop", "--force"),
    )
    for task in ("smollm2_asked", "smollm2_clean"):
        xlembed("run", "-t", task, "-m", MODELS)


if __name__ == "__main__":
    main()
