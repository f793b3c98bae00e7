"""The static model's tokenizer, and the character n-grams of its pieces."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import sentencepiece
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from xlembed.finetune.bags import Bags
from xlembed.finetune.static_recipe import SubwordRecipe, TokenizerRecipe
from xlembed.words import UserError

UNKNOWN = "[UNK]"
WORD_START = "▁"
MOST_BYTES = 2**20
"""Of a line that the pieces are learned from; SentencePiece leaves out longer ones."""


def train_tokenizer(texts: Iterable[str], recipe: TokenizerRecipe) -> Tokenizer:
    """Unigram language model (Kudo 2018, arXiv:1804.10959) over normalised words, numbers and marks.

    SentencePiece learns the pieces with one thread: the same texts give the same pieces in the same order. The
    Unigram trainer of `tokenizers` does not, and byte pairs cut unseen German and Turkish words clearly worse.

    Raises:
        UserError: the recipe asks for fewer pieces than the texts have characters.
    """
    normalizer = _normalizer(recipe)
    words = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Metaspace(replacement=WORD_START),
        ]
    )

    def lines() -> Iterator[str]:
        for text in texts:
            found = words.pre_tokenize_str(normalizer.normalize_str(text))
            yield " ".join(word.replace(WORD_START, "") for word, _ in found)

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines(),
            model_writer=model,
            model_type="unigram",
            vocab_size=recipe.pieces,
            hard_vocab_limit=False,
            max_sentencepiece_length=recipe.max_piece_characters,
            character_coverage=1.0,
            normalization_rule_name="identity",
            max_sentence_length=MOST_BYTES,
            num_threads=1,
            unk_id=0,
            unk_piece=UNKNOWN,
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(
            f"recipe: tokenizer.pieces: {recipe.pieces} does not fit the texts: {error}"
        ) from None
    learned = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(learned.id_to_piece(i), learned.get_score(i)) for i in range(learned.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = words
    return tokenizer


def _normalizer(recipe: TokenizerRecipe) -> normalizers.Normalizer:
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
    return normalizers.Sequence(steps)


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
