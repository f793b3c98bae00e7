"""Trainer of the bundled static model: one vector per piece, a text is the mean of its pieces.

The loop is written by hand. The sentence-transformers trainer tokenises each batch anew and knows
neither the n-gram vectors nor the paragraphs built below; here the texts are tokenised once and a step
touches only the vectors that its batch uses.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer

from xlembed.data.parallel import LeftOut, ParallelTexts, read_parallel
from xlembed.files import atomic_folder
from xlembed.finetune.bags import Bags, Integers, sum_rows, used_rows
from xlembed.finetune.static_recipe import BUNDLED_RECIPE, StaticRecipe, TrainingRecipe, load_recipe
from xlembed.finetune.static_tokenizer import UNKNOWN, piece_subwords, pieces_in_order, train_tokenizer
from xlembed.words import UserError

__all__ = ["BUNDLED_RECIPE", "Progress", "StaticRecipe", "StaticResult", "load_recipe", "train_static"]


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    step: int
    """Steps done."""
    steps: int
    loss: float
    """Of the last batch."""


@dataclass(frozen=True)
class StaticResult:
    """What a training made, and from what."""

    out: Path
    pieces: int
    subwords: int
    dimensions: int
    rows: dict[str, int]
    """Training rows per source."""
    left_out: LeftOut
    loss: float
    """Mean over the last tenth of the steps."""
    took_seconds: float
    n_bytes: int
    """Size of the folder."""


def train_static(
    recipe: StaticRecipe, data: Path, out: Path, progress: Callable[[Progress], None] | None = None
) -> StaticResult:
    """Train a static model and write it as a sentence-transformers folder.

    The same recipe and data give the same bytes on one machine. `out` appears whole at the end, in place of what was
    there before. `data` holds `stsb/` and `parallel/`.

    Raises:
        UserError: if the data are missing or broken, the recipe does not fit them, or `out` is
            something other than a model folder.
    """
    _check_out(out)
    started = time.monotonic()
    texts = read_parallel(data, recipe.data.languages, recipe.data.ntrex_tail)
    tokenizer = train_tokenizer(
        [row.texts[lang] for row in texts.rows for lang in recipe.data.languages], recipe.tokenizer
    )
    pieces = pieces_in_order(tokenizer)
    subwords, piece_bags = piece_subwords(pieces, recipe.subwords)
    sampler = PairSampler(recipe, texts, tokenizer)
    with _repeatable(recipe.training.threads):
        table = PieceTable(recipe.training, piece_bags, len(subwords))
        losses = []
        for step in range(1, recipe.training.steps + 1):
            losses.append(table.learn(sampler.draw(), step))
            if progress is not None:
                progress(Progress(step, recipe.training.steps, losses[-1]))
        vectors = table.vectors()
    vectors[tokenizer.token_to_id(UNKNOWN)] = 0  # an unknown character says nothing
    with atomic_folder(out) as folder:
        write_model(tokenizer, vectors, folder)
        n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return StaticResult(
        out=out,
        pieces=len(pieces),
        subwords=len(subwords),
        dimensions=recipe.training.dimensions,
        rows=texts.counts,
        left_out=texts.left_out,
        loss=float(np.mean(losses[-max(1, len(losses) // 10) :])),
        took_seconds=time.monotonic() - started,
        n_bytes=n_bytes,
    )


def write_model(tokenizer: Tokenizer, vectors: torch.Tensor, folder: Path) -> None:
    """A sentence-transformers folder: StaticEmbedding in float16, then Normalize.

    sentence-transformers keeps the file's dtype when it loads: call `model.float()` before encoding, or
    vectors come back as float16 and an empty text as NaN, since the floor of Normalize is 0 in float16.
    """
    modules: list[torch.nn.Module] = [
        StaticEmbedding(tokenizer, embedding_weights=vectors.half()),
        Normalize(),
    ]
    model = SentenceTransformer(modules=modules, device="cpu")
    model.save_pretrained(str(folder), create_model_card=False)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)  # indented it takes a third more
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)  # safetensors writes for the owner only


@dataclass(frozen=True)
class Batch:
    """Pairs of tokenised texts: bag i of `queries` and bag i of `documents` mean the same."""

    queries: Bags
    documents: Bags


class PairSampler:
    """Draws batches of translations in random language pairs."""

    def __init__(self, recipe: StaticRecipe, texts: ParallelTexts, tokenizer: Tokenizer) -> None:
        self._settings = recipe.training
        self._rng = np.random.default_rng(recipe.training.seed)
        self._n_langs = len(recipe.data.languages)
        self._n_rows = len(texts.rows)
        # Bag number lang * n_rows + row.
        self._bags = Bags.of(
            [
                encoding.ids
                for lang in recipe.data.languages
                for encoding in tokenizer.encode_batch([row.texts[lang] for row in texts.rows])
            ]
        )
        self._starts = self._bags.starts
        weights = np.array([recipe.data.weights[row.source] for row in texts.rows], dtype=np.float64)
        self._chances = weights / weights.sum()
        if np.count_nonzero(weights) < self._settings.batch:
            raise UserError(
                f"recipe: training.batch: {self._settings.batch} pairs of different rows, but the data have "
                f"{np.count_nonzero(weights)} rows with a weight above 0; use a smaller batch"
            )
        # Paragraphs are filled mostly with news sentences, the only running text there is.
        self._news = np.array([number for number, row in enumerate(texts.rows) if row.source == "ntrex"])

    def draw(self) -> Batch:
        """One batch; every row at most once, so that no pair is another's false negative."""
        n = self._settings.batch
        rows = self._rng.choice(self._n_rows, n, replace=False, p=self._chances)
        query_langs = self._rng.integers(0, self._n_langs, n)
        other = self._rng.integers(1, self._n_langs, n)
        document_langs = (query_langs + other) % self._n_langs
        queries = self._take(query_langs * self._n_rows + rows)
        return Batch(self._thin(queries), self._thin(self._documents(rows, document_langs)))

    def _take(self, numbers: Integers) -> Bags:
        return self._bags.take(numbers, self._starts)

    def _documents(self, rows: Integers, langs: Integers) -> Bags:
        """The translations, some of them among other sentences: a paragraph that has the answer in it."""
        n = len(rows)
        chosen = self._rng.random(n) < self._settings.paragraph_share
        sizes = np.where(chosen, self._rng.integers(2, self._settings.paragraph_sentences + 1, n), 1)
        firsts = np.cumsum(sizes) - sizes
        n_sentences = int(sizes.sum())
        sentences = self._rng.integers(0, self._n_rows, n_sentences)
        news = self._news[self._rng.integers(0, len(self._news), n_sentences)]
        sentences = np.where(self._rng.random(n_sentences) < 0.7, news, sentences)
        sentences[firsts] = rows
        bags = self._take(np.repeat(langs, sizes) * self._n_rows + sentences)
        return Bags(bags.items, np.add.reduceat(bags.sizes, firsts))

    def _thin(self, bags: Bags) -> Bags:
        """Leave out pieces at random, but never all of a text's."""
        kept = self._rng.random(len(bags.items)) >= self._settings.token_dropout
        spared = bags.starts + (self._rng.random(len(bags.sizes)) * bags.sizes).astype(np.int64)
        kept[spared] = True
        return Bags(bags.items[kept], np.add.reduceat(kept.astype(np.int64), bags.starts))


class PieceTable:
    """Vectors of pieces: an own one each, plus those of the piece's n-grams, which related pieces share.

    A piece seen once in training learns little of its own; through its n-grams it learns from every
    related word, in every language that writes it alike. When training ends, the sums are all
    that is kept, so the n-grams cost nothing in the finished model.
    """

    def __init__(self, settings: TrainingRecipe, subwords: Bags, n_subwords: int) -> None:
        self._settings = settings
        self._subwords = subwords
        self._starts = subwords.starts
        generator = torch.Generator().manual_seed(settings.seed)
        shape = (len(subwords.sizes), settings.dimensions)
        self._pieces = _Rows(torch.randn(shape, generator=generator) * settings.initial_spread)
        self._grams = _Rows(torch.zeros(n_subwords, settings.dimensions))

    def learn(self, batch: Batch, step: int) -> float:
        """One step of descent on a batch; gives its loss."""
        settings = self._settings
        n = len(batch.queries.sizes)
        sizes = np.concatenate([batch.queries.sizes, batch.documents.sizes])
        items = np.concatenate([batch.queries.items, batch.documents.items])
        pieces, places = used_rows(items, len(self._pieces.values))
        own = self._pieces.leaf(pieces)
        bags = self._subwords.take(pieces, self._starts)
        grams, gram_places = used_rows(bags.items, len(self._grams.values))
        shared = self._grams.leaf(grams)
        vectors = own + sum_rows(shared, Bags(gram_places, bags.sizes)) * _gram_share(bags.sizes)
        sums = sum_rows(vectors, Bags(places, sizes))
        loss = matryoshka_loss(sums[:n], sums[n:], settings.matryoshka, settings.scale)
        loss.backward()  # type: ignore[no-untyped-call]
        rate = settings.learning_rate * (1 - (step - 1) / settings.steps)
        rate *= min(1.0, step / (settings.warmup_steps + 1))
        self._pieces.descend(pieces, own, rate, settings.second_moment_decay, step)
        self._grams.descend(grams, shared, rate, settings.second_moment_decay, step)
        return float(loss.detach())

    def vectors(self) -> torch.Tensor:
        """float32, shape (n_pieces, dim), scaled to a mean length of 1."""
        shared = sum_rows(self._grams.values, self._subwords) * _gram_share(self._subwords.sizes)
        vectors: torch.Tensor = self._pieces.values + shared
        vectors /= torch.linalg.vector_norm(vectors, dim=1).mean()
        return vectors


class _Rows:
    """A matrix whose rows are moved by Adam without its first moment (Kingma & Ba 2015), only those of a batch.

    The second moment is one number per entry: one number per row is quicker, and learns clearly worse. It is
    corrected for bias by the step of the whole training, so a row seen for the first time late moves far
    and rare words learn too.
    """

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values
        self._moments = torch.zeros_like(values)

    def leaf(self, rows: Integers) -> torch.Tensor:
        return self.values.index_select(0, torch.from_numpy(rows)).requires_grad_()

    def descend(self, rows: Integers, leaf: torch.Tensor, rate: float, decay: float, step: int) -> None:
        gradient = leaf.grad
        if gradient is None or not len(rows):
            return
        index = torch.from_numpy(rows)
        moments = (
            self._moments.index_select(0, index).mul_(decay).addcmul_(gradient, gradient, value=1 - decay)
        )
        self._moments.index_copy_(0, index, moments)
        root = moments.div_(1 - decay**step).sqrt_().add_(1e-8)
        self.values.index_copy_(0, index, leaf.detach().sub_(gradient.div_(root), alpha=rate))


def matryoshka_loss(
    queries: torch.Tensor, documents: torch.Tensor, sizes: Sequence[int], scale: float
) -> torch.Tensor:
    """Multiple negatives ranking loss in both directions, added up over leading dimensions.

    Args:
        queries: shape (n, dim), any length.
        documents: shape (n, dim); row i belongs to query i, the others are its negatives.
        sizes: numbers of leading dimensions.
        scale: factor on the cosine.

    Example:
        >>> same = torch.eye(2)
        >>> round(float(matryoshka_loss(same, same, [2], 1.0)), 4)  # ln(1 + 1/e)
        0.3133
    """
    total = torch.zeros(())
    for size in sizes:
        left = torch.nn.functional.normalize(queries[:, :size], dim=1)
        right = torch.nn.functional.normalize(documents[:, :size], dim=1)
        # Never above 0, so that one matrix of exponentials serves both directions without overflow.
        scores = (left @ right.T - 1) * scale
        weights = scores.exp()
        both = weights.sum(dim=0).log().mean() + weights.sum(dim=1).log().mean()
        total = total + both / 2 - scores.diagonal().mean()
    return total


def _gram_share(sizes: NDArray[np.int64]) -> torch.Tensor:
    """Keeps a piece of many n-grams from being longer than a piece of few."""
    share: torch.Tensor = torch.from_numpy(np.maximum(sizes, 1) ** -0.5).float()[:, None]
    return share


@contextlib.contextmanager
def _repeatable(threads: int) -> Iterator[None]:
    """A fixed number of threads and deterministic algorithms; afterwards as before."""
    before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(before)


def _check_out(out: Path) -> None:
    """Replacing a folder that is no model would delete somebody's files."""
    if out.exists() and not (out / "modules.json").is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            f"--out {out}: exists and is no model folder; choose a new or empty folder, or an earlier model"
        )
