"""BM25 on a real node: against our own arithmetic, ties, shards, and both kinds of search in one request."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from search.elastic.material import FLAT, spec, unit_vectors
from xlembed.data.task import Document
from xlembed.search.elastic.builder import build
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.engine import ElasticIndex
from xlembed.search.elastic.layout import WORDS, IndexSpec, choose_analyzers
from xlembed.search.elastic.source import Source
from xlembed.search.elastic.words import ElasticWords, words_fingerprint
from xlembed.search.engines.elasticsearch import in_one_request
from xlembed.words import UserError

LANGS = ("xx", "yy")
N = 300
rng = np.random.default_rng(4)
VOCABULARY = [f"w{i}" for i in range(40)]
DOCUMENTS = [
    Document(f"d{i:03d}", " ".join(rng.choice(VOCABULARY, size=rng.integers(1, 20))), LANGS[i % 2], title="t")
    for i in range(N)
]
QUERIES = ["w1 w2 w3", "w4", "w5 w5 w39", "absent", "", "t w7 absent"]


def texts_spec(documents: list[Document], task: str, **other: Any) -> IndexSpec:
    made = spec(Source.of_texts(documents), task, **{"segments": 1, **other})
    return replace(made, type=WORDS, analyzers=dict.fromkeys(LANGS, "standard"))


def words_in(
    server: Server, documents: list[Document], queries: list[str], task: str, **other: Any
) -> ElasticWords:
    made = texts_spec(documents, task, **other)
    build(server, made, Source.of_texts(documents), FLAT)
    ids, langs = [d.doc_id for d in documents], [d.lang for d in documents]
    return ElasticWords(server, made.name, ids, langs, LANGS, queries)


def bm25(query: str, lang: str | None) -> dict[int, float]:
    """Row -> score: the formula with its factor k1 + 1, statistics of each language by itself."""
    scores = {}
    for own in LANGS:
        rows = [i for i, d in enumerate(DOCUMENTS) if d.lang == own]
        bags = {i: Counter(f"{DOCUMENTS[i].title} {DOCUMENTS[i].text}".split()) for i in rows}
        mean = sum(sum(bag.values()) for bag in bags.values()) / len(rows)
        for i in rows if lang in (None, own) else ():
            total = 0.0
            for word in query.split():  # a repeated word counts twice
                n = sum(word in bag for bag in bags.values())
                idf = math.log(1 + (len(rows) - n + 0.5) / (n + 0.5))
                tf = bags[i][word]
                total += idf * 2.2 * tf / (tf + 1.2 * (0.25 + 0.75 * sum(bags[i].values()) / mean))
            if total:
                scores[i] = total
    return scores


@pytest.fixture(scope="module")
def words(node: Any) -> ElasticWords:
    return words_in(node.server(), DOCUMENTS, QUERIES, "words")


@pytest.mark.parametrize("lang", [None, "xx", "yy"])
def test_scores_are_those_of_the_formula(words: ElasticWords, lang: str | None) -> None:
    hits = words.search(range(len(QUERIES)), N, lang)
    assert hits.rows.shape == (len(QUERIES), N if lang is None else N // 2)
    for query, rows, scores in zip(QUERIES, hits.rows, hits.scores, strict=True):
        expected = bm25(query, lang)
        found = {int(r): float(s) for r, s in zip(rows, scores, strict=True) if r >= 0}
        assert found == pytest.approx(expected, rel=2e-5)
        order = sorted(found, key=lambda r: (-found[r], DOCUMENTS[r].doc_id))
        assert [int(r) for r in rows if r >= 0] == order
        assert (scores[len(found) :] == -np.inf).all() and (rows[len(found) :] == -1).all()


def test_a_query_without_a_known_word_retrieves_nothing(words: ElasticWords) -> None:
    assert (words.search([3, 4], 10).rows == -1).all()
    assert words.search([3], 10, "zz").rows.shape == (1, 0)
    assert words.search([], 10).rows.shape == (0, 0)


def test_full_ranks_and_what_is_never_retrieved(words: ElasticWords) -> None:
    ranking = words.search([1], N).rows[0]
    retrieved = [int(r) for r in ranking if r >= 0]
    stranger = next(i for i in range(N) if i not in retrieved)
    assert words.exact
    wanted = np.array([retrieved[-1], stranger, retrieved[0]])
    assert words.full_ranks([1], [wanted])[0].tolist() == [len(retrieved), 0, 1]


def test_a_cut_is_the_beginning_of_the_whole(words: ElasticWords) -> None:
    whole, cut = words.search([0, 1, 2], N), words.search([0, 1, 2], 7)
    assert (cut.rows == whole.rows[:, :7]).all() and (cut.scores == whole.scores[:, :7]).all()


def test_equal_scores_go_by_id_however_many_there_are(server: Server) -> None:
    """Loaded against the order of ids; more of them than are fetched at first."""
    same = [Document(f"d{i:03d}", "twin", "xx") for i in reversed(range(150))]
    found = words_in(server, [*same, Document("a", "twin other", "xx")], ["twin"], "twins").search([0], 5)
    rows = [149, 148, 147, 146, 145]
    assert found.rows.tolist() == [rows] and found.boundary_ties.tolist() == [145]


def test_shards_do_not_change_scores(words: ElasticWords, server: Server) -> None:
    parted = words_in(server, DOCUMENTS, QUERIES, "words", shards=3)
    one, three = words.search(range(len(QUERIES)), 50), parted.search(range(len(QUERIES)), 50)
    assert (one.rows == three.rows).all() and (one.scores == three.scores).all()


def test_more_than_the_server_gives_is_refused(words: ElasticWords, server: Server) -> None:
    many = ElasticWords(server, words.name, [f"x{i}" for i in range(10_001)], ["xx"] * 10_001, LANGS, QUERIES)
    assert not many.exact
    with pytest.raises(UserError, match="at most 10,000; lower the depth"):
        many.search([0], 10_001)
    with pytest.raises(NotImplementedError):
        many.full_ranks([0], [np.array([1])])


def test_a_query_with_more_words_than_the_server_takes(words: ElasticWords, server: Server) -> None:
    ids, langs = [d.doc_id for d in DOCUMENTS], [d.lang for d in DOCUMENTS]
    long = ElasticWords(server, words.name, ids, langs, LANGS, [" ".join(f"v{i}" for i in range(20_000))])
    with pytest.raises(UserError, match=r"more words than the server looks for at once.*--index exact"):
        long.search([0], 3)


def test_the_fingerprint_tells_what_scores_depend_on() -> None:
    german = words_fingerprint({"de": "german"}, 8)
    assert german == words_fingerprint({"de": "german"}, 8)
    assert (
        len({german, words_fingerprint({"de": "german"}, 9), words_fingerprint({"de": "standard"}, 8)}) == 3
    )


def test_the_index_says_what_it_is(words: ElasticWords, server: Server) -> None:
    found = next(iter(server.client.indices.get(index=words.name).body.values()))
    assert set(found["mappings"]["properties"]) == {"id", "lang", "group", "text_xx", "text_yy", "original"}
    similarity = found["settings"]["index"]["similarity"]["default"]
    assert (similarity["type"], similarity["k1"], similarity["b"]) == ("BM25", "1.2", "0.75")


@pytest.fixture
def requests_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Searches in each msearch."""
    from xlembed.search.elastic import engine

    sizes: list[int] = []
    real = engine.msearch

    def counted(server: Server, index: str, searches: Any) -> Any:
        sizes.append(len(searches) // 2)
        return real(server, index, searches)

    monkeypatch.setattr(engine, "msearch", counted)
    yield sizes


def test_vectors_and_words_share_their_requests(
    words: ElasticWords, server: Server, requests_of: list[int]
) -> None:
    vectors, queries = unit_vectors(N), unit_vectors(len(QUERIES), seed=1)
    source = Source(DOCUMENTS, vectors)
    made = spec(source, "both", analyzers=dict.fromkeys(LANGS, "standard"))
    build(server, made, source, FLAT)
    ids, langs = [d.doc_id for d in DOCUMENTS], [d.lang for d in DOCUMENTS]
    index = ElasticIndex(server, made.name, ids, langs, vectors, type="flat", num_candidates=100)
    retrieve = in_one_request(index, queries, words)
    for lang in (None, "yy"):
        apart = index.search(queries[:4], 20, lang), words.search(range(4), 20, lang)
        requests_of.clear()
        together = retrieve(range(4), 20, lang)
        assert requests_of == [8]
        for one, other in zip(apart, together, strict=True):
            assert (one.rows == other.rows).all() and (one.scores == other.scores).all()
    assert [hits.rows.shape for hits in retrieve([], 5, None)] == [(0, 0), (0, 0)]


def test_one_letter_and_invisible_characters_are_found_and_texts_shown_as_given(server: Server) -> None:
    texts = {
        "zh1": ("zh", "这种绿茶很香"),
        "zh2": ("zh", "这把伞很轻"),
        "ko1": ("ko", "녹차가 맛있다"),
        "ja1": ("ja", "うちの猫はよく眠る"),
        "de1": ("de", "Der Garten\u200bstuhl"),
        "fr1": ("fr", "Le caf&eacute; <b>noir</b>"),
        "tr1": ("tr", "Ankaraʼnın kışı"),
    }
    documents = [Document(doc_id, text, lang) for doc_id, (lang, text) in texts.items()]
    analyzers = choose_analyzers({lang for lang, _ in texts.values()}, [])
    made = replace(texts_spec(documents, "odd"), analyzers=analyzers)
    build(server, made, Source.of_texts(documents), FLAT)
    ids, langs = list(texts), [lang for lang, _ in texts.values()]
    asked = {
        "茶": "zh1",
        "차": "ko1",
        "猫": "ja1",
        "Gartenstuhl": "de1",
        "café": "fr1",
        "Ankara": "tr1",
        "犬": "",
    }
    found = ElasticWords(server, made.name, ids, langs, sorted(analyzers), list(asked))
    for lang in (None, "own"):
        for query, right in enumerate(asked.values()):
            own = lang and (texts[right][0] if right else "ja")
            rows = [ids[row] for row in found.search([query], 7, own).rows[0] if row >= 0]
            assert rows == ([right] if right else []), (query, lang)
    source = server.client.get(index=made.name, id="fr1").body["_source"]
    assert (source["original"], source["text_fr"]) == (texts["fr1"][1], "Le café  noir ")
    assert set(server.client.get(index=made.name, id="zh1").body["_source"]) == {"id", "lang", "text_zh"}


def test_languages_without_two_letters_and_varieties_have_fields_of_their_own(server: Server) -> None:
    langs = ("ceb", "pt-BR", "zh-Hans", "zh-Hant")
    texts = ("Ang iro nga dako", "Os livros novos chegaram", "安静的水壶", "安靜的水壺")
    documents = [
        Document(f"d{i}", text, lang) for i, (lang, text) in enumerate(zip(langs, texts, strict=True))
    ]
    made = spec(Source.of_texts(documents), "varieties", segments=1)
    made = replace(made, type=WORDS, analyzers=choose_analyzers(langs, []))
    build(server, made, Source.of_texts(documents), FLAT)
    queries = ["dako", "livro novo", "水壶", "水壺"]  # Brazilian Portuguese is stemmed
    found = ElasticWords(server, made.name, [d.doc_id for d in documents], list(langs), langs, queries)
    for row, lang in enumerate(langs):
        assert found.search([row], 3, lang).rows.tolist() == [[row]]
    assert found.search([2, 3], 4).rows[:, 0].tolist() == [2, 3]
