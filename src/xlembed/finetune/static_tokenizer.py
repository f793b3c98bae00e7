"""The static model's tokenizer, and the character n-grams of its pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from xlembed.finetune.bags import Bags
from xlembed.finetune.static_recipe import SubwordRecipe, TokenizerRecipe

UNKNOWN = "[UNK]"
WORD_START = "▁"


def train_tokenizer(texts: Iterable[str], recipe: TokenizerRecipe) -> Tokenizer:
    """Byte-pair encoding over normalised words, numbers and marks.

    Not Unigram: the Unigram trainer of `tokenizers` gives another vocabulary in every process, even
    with one thread, because it walks through a hash map of random order; this one breaks ties by rule.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    steps = [normalizers.NFKC(), normalizers.Lowercase()]
    if recipe.fold_accents:
        # Latin accents only: the voicing marks of kana are combining marks too, and they carry meaning.
        steps += [
            normalizers.NFD(),
            normalizers.Replace(Regex("[\u0300-\u036f]"), ""),
            normalizers.Replace("ı", "i"),
            normalizers.Replace("ß", "ss"),
            normalizers.NFC(),
        ]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Metaspace(replacement=WORD_START),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.pieces,
        min_frequency=2,
        special_tokens=[UNKNOWN],
        max_token_length=recipe.max_piece_characters,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def pieces_in_order(tokenizer: Tokenizer) -> list[str]:
    """The vocabulary, by token id."""
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def piece_subwords(pieces: Sequence[str], recipe: SubwordRecipe) -> tuple[list[str], Bags]:
    """The n-grams in use, sorted, and for each piece the numbers of its own.

    An n-gram that stands in fewer than `min_pieces` pieces would teach nothing about other pieces and
    is left out.
    """
    grams = [character_ngrams(piece, recipe.min_characters, recipe.max_characters) for piece in pieces]
    counts = Counter(gram for found in grams for gram in found)
    kept = sorted(gram for gram, count in counts.items() if count >= recipe.min_pieces)
    numbers = {gram: number for number, gram in enumerate(kept)}
    return kept, Bags.of([sorted(numbers[gram] for gram in found if gram in numbers) for found in grams])


def character_ngrams(piece: str, shortest: int, longest: int) -> set[str]:
    """The n-grams of a piece; `<` marks the start of a word.

    Chinese and Japanese characters carry meaning alone: there it is characters and pairs. Numbers and
    marks have none, since 1916 and 1961 are not alike.

    Example:
        >>> sorted(character_ngrams("▁evde", 3, 4))
        ['<ev', '<evd', 'evd', 'evde', 'vde']
        >>> sorted(character_ngrams("没有", 3, 5))
        ['有', '没', '没有']
    """
    text = piece.replace(WORD_START, "<")
    if not any(character.isalpha() for character in text):
        return set()
    if any(ord(character) > 0x2E80 for character in text):
        text = text.strip("<")
        return {text[start : start + size] for size in (1, 2) for start in range(len(text) - size + 1)}
    return {
        text[start : start + size]
        for size in range(shortest, longest + 1)
        for start in range(len(text) - size + 1)
    }
