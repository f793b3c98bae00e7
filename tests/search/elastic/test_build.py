"""What an index of ours is: its mapping, manifest and name, and what is never done to one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.elastic.material import FLAT, assert_undisturbed, documents, source, spec, unit_vectors
from xlembed import __version__
from xlembed.data.task import Document
from xlembed.search.elastic import builder, sealing, types
from xlembed.search.elastic.builder import LOADING, build, index_state, read_meta
from xlembed.search.elastic.connection import Server
from xlembed.search.elastic.layout import check_fits, choose_analyzers, oversample_of
from xlembed.search.elastic.sealing import COMPLETE, force_merge, most_segments
from xlembed.search.elastic.source import Source
from xlembed.settings import IndexSettings
from xlembed.words import UserError

TYPES = ("flat", "hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw")


def settings(kind: str, **other: Any) -> IndexSettings:
    return IndexSettings(engine="elasticsearch", type=kind, ignore_forecast=True, **other)  # type: ignore[arg-type]


def test_an_undisturbed_load(server: Server) -> None:
    what = source(3000)
    made = spec(what, "undisturbed")
    told: list[tuple[str, int, int]] = []
    built = build(server, made, what, FLAT, watch=lambda *news: told.append(news))
    assert built.name == made.name and built.report is not None
    assert (built.report.sent, built.report.found, built.report.pressures) == (3000, 0, 0)
    assert told[-1] == ("load", 3000, 3000)
    assert_undisturbed(server, made, what)


# Mapping and manifest


@pytest.mark.parametrize("kind", TYPES)
def test_the_mapping_read_back_is_explicit(server: Server, kind: str) -> None:
    what = source(30, 64)
    asked = settings(kind, m=9, ef_construction=50)
    made = spec(what, "mapping", asked)
    build(server, made, what, asked)
    found = server.client.indices.get_mapping(index=made.name).body[made.name]["mappings"]
    options = found["properties"]["vector"].pop("index_options")
    assert found["dynamic"] == "strict"
    assert found["properties"] == {
        "id": {"type": "keyword"},
        "lang": {"type": "keyword"},
        "group": {"type": "keyword"},
        "original": {"type": "text", "index": False},
        "text_de": {"type": "text", "analyzer": "german"},
        "text_en": {"type": "text", "analyzer": "english"},
        "text_tr": {"type": "text", "analyzer": "turkish"},
        "vector": {"type": "dense_vector", "dims": 64, "index": True, "similarity": "dot_product"},
    }
    # What the server is in force is what was asked: it filled in nothing of its own.
    assert options == made.mapping()["properties"]["vector"]["index_options"]
    assert options["type"] == kind and (
        kind == "flat" or (options["m"], options["ef_construction"]) == (9, 50)
    )


def test_the_manifest(server: Server) -> None:
    what = source(30)
    made = spec(what, "manifest")
    build(server, made, what, FLAT, run_id="run7")
    meta = read_meta(server, made.name)
    assert meta is not None
    assert meta["xlembed"] == {
        "task": "manifest",
        "model": "toy",
        "task_digest": "t" * 8,
        "documents_digest": "d" * 8,
        "fingerprint": "f" * 8,
        "revision": "",
        "dims": 16,
        "documents": 30,
        "type": "flat",
        "m": None,
        "ef_construction": None,
        "shards": 1,
        "segments": None,
        "analyzers": {"de": "german", "en": "english", "tr": "turkish"},
        "copy": "",
        "format": made.format,
        "state": COMPLETE,
        "tool_version": __version__,
        "mlflow_run_id": "run7",
    }


def test_analyzers_are_chosen_by_what_every_node_has() -> None:
    langs = ["ja", "zh", "ko", "ar", "xx"]
    assert choose_analyzers(langs, []) == {
        "ar": "arabic", "ja": "cjk", "ko": "cjk", "xx": "standard", "zh": "cjk",
    }  # fmt: skip
    assert choose_analyzers(langs, ["analysis-smartcn", "analysis-nori"]) == {
        "ar": "arabic", "ja": "cjk", "ko": "nori", "xx": "standard", "zh": "smartcn",
    }  # fmt: skip


def test_shards_replicas_and_refresh_are_restored(server: Server) -> None:
    what, asked = source(60), settings("flat", shards=2, replicas=1)
    made = spec(what, "restored", asked)
    build(server, made, what, asked)
    found = server.client.indices.get_settings(index=made.name).body[made.name]["settings"]["index"]
    assert (found["number_of_shards"], found["number_of_replicas"]) == ("2", "1")
    assert "refresh_interval" not in found
    build(server, made, what, settings("flat", shards=2))  # replicas are no part of what an index is
    found = server.client.indices.get_settings(index=made.name).body[made.name]["settings"]["index"]
    assert found["number_of_replicas"] == "0"
    assert_undisturbed(server, made, what)


def test_zero_vectors_are_never_indexed(server: Server) -> None:
    vectors = unit_vectors(20)
    vectors[[3, 7]] = 0
    what = Source(documents(20), vectors)
    made = spec(what, "zeros")
    assert made.documents == 18
    build(server, made, what, FLAT)
    assert_undisturbed(server, made, what)


# One configuration is one index


def test_the_same_configuration_is_not_loaded_again(server: Server) -> None:
    what = source(100)
    made = spec(what, "again")
    build(server, made, what, FLAT)
    before = server.client.indices.stats(index=made.name)["_all"]["primaries"]["indexing"]["index_total"]
    built = build(server, made, what, FLAT)
    assert built.report is None
    after = server.client.indices.stats(index=made.name)["_all"]["primaries"]["indexing"]["index_total"]
    assert before == after == 100


def test_names_differ_with_whatever_determines_the_answers() -> None:
    made = spec(source(3), "task")
    changes: list[dict[str, Any]] = [
        {"task": "other"}, {"model": "other"}, {"fingerprint": "other"}, {"documents_digest": "other"},
        {"type": "hnsw", "m": 16}, {"type": "hnsw", "m": 17}, {"shards": 2}, {"segments": 1}, {"copy": "2"},
        {"analyzers": {"de": "standard"}}, {"dims": 8}, {"documents": 2},
    ]  # fmt: skip
    names = {made.name, *(replace(made, **change).name for change in changes)}
    assert len(names) == 1 + len(changes)
    long = replace(made, task="Ünï cödé/" * 40)
    assert len(long.name.encode()) < 255 and long.name == long.name.lower() and "/" not in long.name


@pytest.mark.parametrize(
    "meta", [None, {"owner": "somebody"}, {"xlembed": {"task": "another", "state": "complete"}}]
)
def test_a_foreign_index_of_that_name_is_left_alone(server: Server, meta: dict[str, Any] | None) -> None:
    what = source(10)
    made = spec(what, "foreign", copy=str(meta))
    server.client.indices.create(index=made.name, mappings={"_meta": meta} if meta else None)
    server.client.index(index=made.name, id="theirs", document={"a": 1}, refresh=True)
    before = server.client.indices.get(index=made.name).body
    with pytest.raises(UserError, match="left alone"):
        build(server, made, what, FLAT)
    assert server.client.indices.get(index=made.name).body == before
    assert server.client.count(index=made.name)["count"] == 1


def test_two_processes_that_create_at_once_load_one_index(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = source(50)
    made = spec(what, "twice")
    first = builder._create(server, made, None)
    assert first == builder.EMPTY
    assert builder._create(server, made, None) == LOADING  # who comes second looks first what is there
    build(server, made, what, FLAT)
    assert_undisturbed(server, made, what)


def test_a_load_that_another_process_completed_is_done(server: Server) -> None:
    what = source(2000)
    made = spec(what, "overtaken")
    overtaken = []

    def watch(_: str, done: int, total: int) -> None:
        if done and not overtaken:
            overtaken.append(done)
            build(server, made, what, FLAT)

    built = build(server, made, what, FLAT, watch=watch, workers=1, request_bytes=1)
    assert overtaken and overtaken[0] < 2000 and built.report is None
    assert_undisturbed(server, made, what)


def test_an_index_deleted_in_mid_load_is_not_made_up_by_the_server(server: Server) -> None:
    what = source(2000)
    made = spec(what, "vanished")
    gone = []

    def watch(_: str, done: int, total: int) -> None:
        if done and not gone:
            gone.append(done)
            server.client.indices.delete(index=made.name)

    with pytest.raises(UserError, match="run the same command again"):
        build(server, made, what, FLAT, watch=watch, workers=1, request_bytes=1)
    assert gone and gone[0] < 2000
    assert server.client.indices.get(index=f"{made.name}*").body == {}
    build(server, made, what, FLAT)
    assert_undisturbed(server, made, what)


def test_too_few_documents_are_never_called_complete(server: Server) -> None:
    what = source(50)
    made = spec(what, "short")
    build(server, made, what, FLAT)
    meta = made.manifest(state=LOADING)
    server.client.indices.put_mapping(index=made.name, meta=meta)
    server.client.delete(index=made.name, id="d00007", refresh=True)
    with pytest.raises(UserError, match=r"holds 49 documents instead of 50.*run the same command again"):
        sealing.seal(server, made, None)
    assert index_state(server, made) == LOADING
    assert build(server, made, what, FLAT).report.sent == 1  # type: ignore[union-attr]
    assert_undisturbed(server, made, what)


def test_an_index_that_is_read_only_says_so(server: Server) -> None:
    what = source(50)
    made = spec(what, "blocked")
    builder._create(server, made, None)
    server.client.indices.put_settings(index=made.name, settings={"index.blocks.write": True})
    with pytest.raises(UserError, match="the index is read-only"):
        build(server, made, what, FLAT)
    server.client.indices.put_settings(index=made.name, settings={"index.blocks.write": None})
    build(server, made, what, FLAT)
    assert_undisturbed(server, made, what)


def test_a_document_refused_for_good_is_named_and_never_skipped(server: Server) -> None:
    odd = [*documents(20), Document("odd", "text", "fr")]  # no field for French
    what = Source(odd, unit_vectors(21))
    made = spec(what, "refused")
    with pytest.raises(UserError, match="document odd was refused: 400 strict_dynamic_mapping_exception"):
        build(server, made, what, FLAT)
    assert index_state(server, made) == LOADING


# Force merge


def test_force_merge_waits_until_it_is_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    what, asked = source(3000), settings("hnsw", force_merge=True)
    made = spec(what, "merged", asked)
    server_of = {"forcemerge": 0}
    real = type(server.client.indices).forcemerge

    def lost(self: Any, **kwargs: Any) -> Any:
        """The first answer never comes: the connection breaks before the request is sent."""
        server_of["forcemerge"] += 1
        if server_of["forcemerge"] == 1:
            from elastic_transport import ConnectionError as BrokenError

            raise BrokenError("reset")
        return real(self, **kwargs)

    monkeypatch.setattr(type(server.client.indices), "forcemerge", lost)
    pieces = replace(made, segments=None)
    monkeypatch.setattr(builder, "seal", lambda *_: None)
    build(server, pieces, what, asked, request_bytes=40_000)
    for i in range(3):  # several segments
        server.client.index(
            index=pieces.name, id="d00000", document={"id": "d00000", "lang": "de"}, refresh=True
        )
        server.client.index(
            index=pieces.name, id=f"d0000{i}", document={"id": "d", "lang": "de"}, refresh=True
        )
    assert most_segments(server, pieces.name) > 1
    force_merge(server, pieces.name, 1)
    assert most_segments(server, pieces.name) == 1 and server_of["forcemerge"] == 2


# Before anything is sent


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (np.nan, r"vectors not finite: d00003, d00005$"),
        (np.inf, r"vectors not finite: d00003, d00005$"),
        (2.0, r"vectors not of unit length: d00003, d00005$"),
    ],
)
def test_vectors_are_checked(spoil: float, message: str) -> None:
    vectors = unit_vectors(10)
    vectors[[3, 5], 1] = spoil
    with pytest.raises(UserError, match=f"(?m){message}"):
        Source(documents(10), vectors)


def test_many_offenders_are_counted() -> None:
    with pytest.raises(UserError, match=r"d00000, .*d00009 and 20 more"):
        Source(documents(30), unit_vectors(30) * 3)


def test_half_precision_is_not_unit_length_enough_for_every_server() -> None:
    Source(documents(50), unit_vectors(50) * np.float32(1 + 4e-5))
    with pytest.raises(UserError, match="not of unit length"):
        Source(documents(50), unit_vectors(50) * np.float32(1 + 1e-3))


def test_ids_that_are_too_long() -> None:
    long = "ü" * 257
    with pytest.raises(UserError, match=f"over 512 bytes.*: {long}"):
        Source([Document(long, "text", "de")], unit_vectors(1))
    assert len(Source([Document("ü" * 256, "text", "de")], unit_vectors(1)).rows) == 1


def test_wrong_dimensions_or_numbers_are_refused_before_an_index_is_made(server: Server) -> None:
    what = source(10)
    for change in ({"dims": 8}, {"documents": 9}):
        made = spec(what, "misfit", **change)
        with pytest.raises(UserError, match="encode again"):
            build(server, made, what, FLAT)
        assert index_state(server, made) is None


def test_types_that_do_not_fit_the_dimensions() -> None:
    with pytest.raises(UserError, match="even number of dimensions, the vectors have 63"):
        check_fits(settings("int4_hnsw"), 63)
    with pytest.raises(UserError, match="at least 64 dimensions, the vectors have 62"):
        check_fits(settings("bbq_hnsw"), 62)
    with pytest.raises(UserError, match="4097 dimensions"):
        check_fits(settings("flat"), 4097)
    for kind in TYPES:
        check_fits(settings(kind), 64)


def test_a_type_that_the_server_does_not_know(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bbq_unheard_of.py").write_text((Path(types.__path__[0]) / "flat.py").read_text())
    monkeypatch.setattr(types, "__path__", [*types.__path__, str(tmp_path)])
    what = source(5)
    made = spec(what, "unknown", type="bbq_unheard_of")
    with pytest.raises(UserError, match=r"refuses the mapping \(index.type bbq_unheard_of\)"):
        build(server, made, what, FLAT)


def test_oversampling_is_said_wherever_a_server_would_choose() -> None:
    assert oversample_of(settings("bbq_hnsw")) == 3
    assert oversample_of(settings("bbq_hnsw", oversample=0)) == 0  # turns the mapping's off
    assert oversample_of(settings("int8_hnsw")) is None
    assert oversample_of(settings("int4_hnsw", oversample=2)) == 2
    assert oversample_of(settings("hnsw", oversample=2)) is None


# Forecast


def test_too_little_room_is_refused_unless_told_otherwise(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, strict = source(10), IndexSettings(engine="elasticsearch", type="flat")
    made = spec(what, "room")
    needs = {"disk": 10**16, "memory": 0}
    monkeypatch.setattr(builder, "bytes_needed", lambda *_, **__: (needs["disk"], needs["memory"]))
    with pytest.raises(UserError, match=r"10000000.0 GB of disk are needed while loading.*ignore_forecast"):
        build(server, made, what, strict)
    needs |= {"disk": 0, "memory": 10**16}
    with pytest.raises(UserError, match=r"10000000.0 GB of memory outside the heap"):
        build(server, made, what, strict)
    assert index_state(server, made) is None
    build(server, made, what, FLAT)
    assert_undisturbed(server, made, what)
    build(server, made, what, strict)  # what is there needs no room


def test_the_forecast_leaves_the_high_watermark_free() -> None:
    assert builder._usable({"total_in_bytes": 100, "available_in_bytes": 30}) == pytest.approx(20)
    assert builder._usable({"total_in_bytes": 100, "available_in_bytes": 5}) == 0
    assert builder._usable({"total_in_bytes": 10**13, "available_in_bytes": 10**12}) == 10**12 - 150e9
