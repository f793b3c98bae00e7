"""Memory and speed of training batches: gradient caching against the plain loss, bfloat16 against float32.

    python benchmarks/finetune.py [batches] [mini_batch] [texts_tokens]

`batches` is comma-separated (default 256,1024,4096). A small BERT with random weights (6 layers of 128
dimensions) or, with MODEL=all_minilm_l6_v2 in the environment, the real one; one update each of the
multiple negatives ranking loss, plain and cached, in a process of its own. Memory is the largest resident
size during the updates above the one before them (model and libraries not counted). Time is the median of
the updates after the first, in seconds of one core's work: other work on the machine then counts little.
The plain loss is left out where it would need more than half of the memory that is free, judged by the
batch before.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

UPDATES = 3
WORDS = 2_000


def measure(kind: str, batch: int, mini_batch: int, tokens: int, dtype: str) -> dict[str, float]:
    """In this process: seconds per update and peak memory of one configuration."""
    import numpy as np
    import torch

    from xlembed.embeddings.memory import peak_mb, reset_peak
    from xlembed.finetune.losses import cached_mnrl, mnrl

    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = open_model(tokens).train()
    if kind == "mnrl":
        loss = mnrl.LOSS(kind="mnrl").build(model)
    else:
        loss = cached_mnrl.LOSS(kind="cached_mnrl", mini_batch=mini_batch).build(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, WORDS, tokens)) for _ in range(2 * batch)]
    plain = model.forward
    model.forward = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")(plain)
    reset_peak("cpu")
    before = peak_mb("cpu")
    took = []
    for _ in range(UPDATES + 1):
        features = [model.preprocess(texts[:batch]), model.preprocess(texts[batch:])]
        started = time.process_time()
        loss(features, None).backward()
        optimizer.step()
        optimizer.zero_grad()
        took.append(time.process_time() - started)
    return {"seconds": statistics.median(took[1:]), "memory_mb": peak_mb("cpu") - before}


def open_model(tokens: int):
    """The model of the benchmark, float32, on the CPU."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    if name := os.environ.get("MODEL"):
        from xlembed.models.loading import locate
        from xlembed.models.spec import resolve_model

        return SentenceTransformer(str(locate(resolve_model(name))), device="cpu")
    vocabulary = {"[PAD]": 0, "[UNK]": 1, **{f"w{i}": i + 2 for i in range(WORDS)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    with tempfile.TemporaryDirectory() as folder:
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
        ).save_pretrained(folder)
        BertModel(
            BertConfig(
                vocab_size=len(vocabulary),
                hidden_size=128,
                num_hidden_layers=6,
                num_attention_heads=4,
                intermediate_size=512,
                max_position_embeddings=tokens + 2,
            )
        ).save_pretrained(folder)
        return SentenceTransformer(modules=[Transformer(folder), Pooling(128)], device="cpu")


def in_new_process(
    kind: str, batch: int, mini_batch: int, tokens: int, dtype: str = "float32"
) -> dict[str, float]:
    arguments = [kind, str(batch), str(mini_batch), str(tokens), dtype]
    command = [sys.executable, str(Path(__file__)), "--one", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(batches: str = "256,1024,4096", mini_batch: str = "64", tokens: str = "24") -> None:
    import psutil

    mini, length = int(mini_batch), int(tokens)
    what = os.environ.get("MODEL", "random BERT, 6 x 128")
    print(f"{what}; texts of {length} words; mini-batches of {mini}; one update, median of {UPDATES}")
    plain: dict[int, dict[str, float]] = {}
    cached: dict[int, dict[str, float]] = {}
    for batch in (int(b) for b in batches.split(",")):
        cached[batch] = in_new_process("cached_mnrl", batch, mini, length)
        expected = max((m["memory_mb"] * batch / b for b, m in plain.items()), default=0.0)
        line = f"batch {batch:5}: cached {say(cached[batch], batch)}"
        if expected < psutil.virtual_memory().available / 2e6:
            plain[batch] = in_new_process("mnrl", batch, mini, length)
            ratio = {key: plain[batch][key] / cached[batch][key] for key in plain[batch]}
            line += f"; plain {say(plain[batch], batch)}: plain needs {ratio['memory_mb']:.1f} x the memory, "
            line += f"cached {1 / ratio['seconds']:.2f} x the time"
        else:
            line += f"; plain left out (about {expected:,.0f} MB)"
        print(line, flush=True)
    first, last = min(cached), max(cached)
    growth = cached[last]["memory_mb"] / cached[first]["memory_mb"]
    print(f"cached: {last / first:.0f} x the batch takes {growth:.2f} x the memory")
    # the two right after one another, since other work on the machine comes and goes
    full = in_new_process("cached_mnrl", first, mini, length)
    half = in_new_process("cached_mnrl", first, mini, length, "bfloat16")
    print(
        f"batch {first:5}: float32 {say(full, first)}; bfloat16 {say(half, first)}: "
        f"{half['seconds'] / full['seconds']:.2f} x the time"
    )


def say(measured: dict[str, float], batch: int) -> str:
    return f"+{measured['memory_mb']:,.0f} MB, {1000 * measured['seconds'] / batch:.2f} ms per row"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        kind, batch, mini, length, dtype = sys.argv[2:]
        print(json.dumps(measure(kind, int(batch), int(mini), int(length), dtype)))
    else:
        main(*sys.argv[1:])
