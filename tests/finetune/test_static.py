"""The static model: what it is trained on, that training repeats, and that the bundled one works."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from safetensors.numpy import load_file

from xlembed.data.parallel import read_parallel
from xlembed.finetune.bags import Bags, sum_rows
from xlembed.finetune.static import BUNDLED_RECIPE, load_recipe, train_static
from xlembed.words import UserError

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("XLEMBED_SHARED", ROOT.parent / "shared" / "data"))
BUNDLED = ROOT / "src" / "xlembed" / "models" / "bundled" / "static_multilingual"
LANGS = ("en", "de", "es", "fr", "pt", "tr", "ja", "zh")

needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared data are not at {SHARED}")

TRAIN = [
    # The second pair repeats "A cat sleeps." The third's first sentence stands in dev, in other capitals;
    # its second stands in test in Turkish only.
    (("A cat sleeps.", "A dog runs."), ("Bir kedi uyuyor.", "Bir köpek koşuyor.")),
    (("A cat sleeps.", "A bird sings."), ("Bir kedi uyuyor.", "Bir kuş ötüyor.")),
    (("a MAN reads a  book.", "A girl reads."), ("Adam kitap okuyor.", "Bir kız okuyor.")),
    (("Rain falls.", "The sea is blue."), ("Yağmur yağıyor.", "Deniz mavi.")),
]
DEV = [(("A man reads a book.", "The sun shines."), ("Bir adam kitap okur.", "Güneş parlıyor."))]
TEST = [(("One girl is reading.", "Snow falls."), ("Bir kız okuyor.", "Kar yağıyor."))]


@pytest.fixture
def small_data(tmp_path: Path) -> Path:
    """English and Turkish: eight train sentences, five news rows, two characters."""
    folder = tmp_path / "data"
    (folder / "stsb").mkdir(parents=True)
    (folder / "parallel").mkdir()
    for split, pairs in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        with (folder / "stsb" / f"stsb-en-{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([*english, 2.5] for english, _ in pairs)
        lines = ["genre\tscore\tsentence1\tsentence2"]
        lines += [f"news\t2.5\t{turkish[0]}\t{turkish[1]}" for _, turkish in pairs]
        (folder / "stsb" / f"stsb-tr-{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    news = [
        {"en": f"The mayor opened bridge number {n}.", "tr": f"Başkan {n}. köprüyü açtı."} for n in range(5)
    ]
    cldr = [
        {
            "id": "🐈",
            "en": {"name": "cat", "keywords": ["cat", "pet"]},
            "tr": {"name": "kedi", "keywords": ["kedi", "evcil"]},
        },
        {
            "id": "🌊",
            "en": {"name": "wave", "keywords": ["sea"]},
            "tr": {"name": "dalga", "keywords": ["deniz"]},
        },
    ]
    for name, rows in (("ntrex", news), ("cldr_annotations", cldr)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "parallel" / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def small_recipe(tmp_path: Path) -> Path:
    recipe = yaml.safe_load(BUNDLED_RECIPE.read_text(encoding="utf-8"))
    recipe["data"].update(languages=["en", "tr"], ntrex_tail=2)
    recipe["tokenizer"]["pieces"] = 150
    recipe["training"].update(dimensions=16, matryoshka=[16, 8], batch=8, steps=4)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def change(path: Path, section: str, **values: object) -> None:
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    recipe[section].update(values)
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TestExclusions:
    def test_by_hand(self, small_data: Path) -> None:
        texts = read_parallel(small_data, ("en", "tr"), ntrex_tail=2)
        left = texts.left_out
        assert (left.stsb_held_out, left.stsb_repeated, left.stsb_empty, left.ntrex_tail) == (2, 1, 0, 2)
        assert [row.texts["en"] for row in texts.rows if row.source == "stsb"] == [
            "A cat sleeps.", "A dog runs.", "A bird sings.", "Rain falls.", "The sea is blue.",
        ]  # fmt: skip
        assert [row.texts["tr"] for row in texts.rows if row.source == "ntrex"] == [
            "Başkan 0. köprüyü açtı.", "Başkan 1. köprüyü açtı.", "Başkan 2. köprüyü açtı.",
        ]  # fmt: skip
        assert [row.texts["tr"] for row in texts.rows if row.source == "cldr_keywords"] == [
            "kedi, evcil",
            "deniz",
        ]

    @needs_data
    def test_real_data(self) -> None:
        """Counted here with another reader: nothing kept for evaluation is trained on, in any language."""
        texts = read_parallel(SHARED, LANGS, ntrex_tail=200)

        def plain(text: str) -> str:
            return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

        def sentences(lang: str, split: str) -> list[str]:
            suffix = "tsv" if lang == "tr" else "csv"
            lines = (
                (SHARED / "stsb" / f"stsb-{lang}-{split}.{suffix}").read_text(encoding="utf-8").splitlines()
            )
            rows = (
                [line.split("\t")[-2:] for line in lines[1:]]
                if lang == "tr"
                else [r[:2] for r in csv.reader(lines)]
            )
            return [plain(text) for row in rows for text in row]

        news = (SHARED / "parallel" / "ntrex.jsonl").read_text(encoding="utf-8").splitlines()
        n_train = 0
        overlap = set()
        for lang in LANGS:
            trained = {plain(row.texts[lang]) for row in texts.rows}
            held_out = set(sentences(lang, "dev")) | set(sentences(lang, "test"))
            assert len(held_out) > 4000
            assert not trained & held_out
            tail = {plain(json.loads(line)[lang]) for line in news[-200:]}
            assert not {plain(row.texts[lang]) for row in texts.rows if row.source == "ntrex"} & tail
            train = sentences(lang, "train")
            n_train = len(train)
            overlap |= {number for number, text in enumerate(train) if text in held_out}
        assert n_train == 2 * 5749
        assert texts.left_out.stsb_held_out == len(overlap) == 1065
        assert texts.counts["ntrex"] == 1997 - 200
        left = texts.left_out
        assert texts.counts["stsb"] == n_train - left.stsb_held_out - left.stsb_repeated - left.stsb_empty


class TestTraining:
    def test_same_bytes_in_another_process(
        self, small_data: Path, small_recipe: Path, tmp_path: Path
    ) -> None:
        """Another process, since hash order changes from process to process."""
        result = train_static(load_recipe(small_recipe), small_data, tmp_path / "a")
        code = (
            "import sys; from pathlib import Path; from xlembed.finetune.static import *;"
            "r, d, o = map(Path, sys.argv[1:]); train_static(load_recipe(r), d, o)"
        )
        arguments = [sys.executable, "-c", code, str(small_recipe), str(small_data), str(tmp_path / "b")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "7"}
        subprocess.run(arguments, check=True, env=environment)
        first, second = folder_bytes(tmp_path / "a"), folder_bytes(tmp_path / "b")
        assert {"model.safetensors", "tokenizer.json", "modules.json"} <= set(first)
        assert first == second
        assert result.rows == {"stsb": 5, "ntrex": 3, "cldr_names": 2, "cldr_keywords": 2}
        assert result.n_bytes == sum(map(len, first.values()))

        change(small_recipe, "training", seed=2)
        train_static(load_recipe(small_recipe), small_data, tmp_path / "b")
        second = folder_bytes(tmp_path / "b")
        assert first["tokenizer.json"] == second["tokenizer.json"]
        assert first["model.safetensors"] != second["model.safetensors"]

    def test_learns(self, small_data: Path, small_recipe: Path, tmp_path: Path) -> None:
        change(small_recipe, "training", steps=150)
        losses: list[float] = []
        train_static(load_recipe(small_recipe), small_data, tmp_path / "out", lambda p: losses.append(p.loss))
        assert len(losses) == 150
        assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])

    def test_a_failure_leaves_the_old_model(
        self, small_data: Path, small_recipe: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        train_static(load_recipe(small_recipe), small_data, out)
        before = folder_bytes(out)

        def stop(progress: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train_static(load_recipe(small_recipe), small_data, out, stop)
        assert folder_bytes(out) == before
        assert {path.name for path in tmp_path.iterdir()} == {"data", "recipe.yaml", "out"}

    def test_gradient_of_sums(self) -> None:
        """Row 1 stands in the first bag twice and in the last once."""
        import torch

        matrix = torch.tensor([[1.0], [10.0], [100.0]], requires_grad=True)
        sums = sum_rows(matrix, Bags.of([[1, 1, 0], [], [1]]))
        assert sums.tolist() == [[21.0], [0.0], [10.0]]
        (sums * torch.tensor([[2.0], [5.0], [7.0]])).sum().backward()
        assert matrix.grad is not None
        assert matrix.grad.tolist() == [[2.0], [11.0], [0.0]]


class TestMessages:
    @pytest.mark.parametrize(
        ("section", "values", "message"),
        [
            ("training", {"lr": 1}, r"recipe\.yaml: training\.lr: unknown key"),
            (
                "training",
                {"token_dropout": 1.0},
                r"recipe\.yaml: training\.token_dropout: .*less than 1 \(found 1\.0\)",
            ),
            ("training", {"matryoshka": [512]}, r"recipe\.yaml: training: .*between 2 and dimensions \(16\)"),
            (
                "data",
                {"weights": {"stsb": 1}},
                r"data\.weights: .*no weight for ntrex, cldr_names, cldr_keywords",
            ),
            ("data", {"languages": ["en", "en"]}, r"data\.languages: .*a language stands twice"),
        ],
    )
    def test_recipe(self, small_recipe: Path, section: str, values: dict[str, object], message: str) -> None:
        change(small_recipe, section, **values)
        with pytest.raises(UserError, match=message):
            load_recipe(small_recipe)

    def test_recipe_file(self, tmp_path: Path) -> None:
        path = tmp_path / "recipe.yaml"
        with pytest.raises(UserError, match=r"no recipe .*recipe\.yaml': neither a file nor ready"):
            load_recipe(path)
        path.write_text("training: {", encoding="utf-8")
        with pytest.raises(UserError, match=r"recipe\.yaml:\d+: not valid YAML"):
            load_recipe(path)
        path.write_text("training: {}\n", encoding="utf-8")
        with pytest.raises(UserError, match=r"(?s)data: missing\n.*training\.steps: missing"):
            load_recipe(path)

    @pytest.mark.parametrize(
        ("file", "line", "text", "message"),
        [
            (
                "stsb/stsb-en-train.csv",
                2,
                "no score",
                r"stsb-en-train\.csv, row 2: expected sentence1, .*found 1 fields",
            ),
            ("stsb/stsb-en-dev.csv", 1, "a,b,high", r"stsb-en-dev\.csv, row 1: score: .*found 'high'"),
            (
                "stsb/stsb-tr-train.tsv",
                3,
                "news\t2.5\tbir",
                r"stsb-tr-train\.tsv, row 3: 3 columns, the header has 4",
            ),
            (
                "stsb/stsb-tr-test.tsv",
                1,
                "genre\tscore\ts1\ts2",
                r"stsb-tr-test\.tsv: .*sentence1, sentence2 missing",
            ),
            ("parallel/ntrex.jsonl", 2, "{", r"ntrex\.jsonl:2: invalid JSON"),
            ("parallel/ntrex.jsonl", 3, '{"en": "x"}', r"ntrex\.jsonl:3: tr: the field is missing"),
            (
                "parallel/ntrex.jsonl",
                1,
                '{"en": "x", "tr": " "}',
                r"ntrex\.jsonl:1: tr: expected a text",
            ),
            (
                "parallel/cldr_annotations.jsonl",
                2,
                '{"en": {}, "tr": {}}',
                r"jsonl:2: en\.name: the field is missing",
            ),
        ],
    )
    def test_data(self, small_data: Path, file: str, line: int, text: str, message: str) -> None:
        path = small_data / file
        lines = path.read_text(encoding="utf-8").splitlines()
        lines[line - 1] = text
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with pytest.raises(UserError, match=message):
            read_parallel(small_data, ("en", "tr"), ntrex_tail=2)

    def test_data_folder(self, small_data: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=r"--data .*no such folder; .*stsb/ and parallel/"):
            read_parallel(tmp_path / "nothing", ("en", "tr"), ntrex_tail=2)
        with pytest.raises(UserError, match=r"expected more than 5 rows, .*found 5"):
            read_parallel(small_data, ("en", "tr"), ntrex_tail=5)
        with pytest.raises(UserError, match=r"stsb-de-dev\.csv: the file does not exist"):
            read_parallel(small_data, ("en", "de"), ntrex_tail=2)
        latin = small_data / "stsb" / "stsb-de-dev.csv"
        latin.write_bytes("Größe,paßt für draußen,1\n".encode("cp1252"))
        with pytest.raises(UserError, match=r"stsb-de-dev\.csv:1: byte 3 .*not valid UTF-8"):
            read_parallel(small_data, ("en", "de"), ntrex_tail=2)
        latin.unlink()
        path = small_data / "stsb" / "stsb-tr-train.tsv"
        path.write_text(path.read_text(encoding="utf-8") + "news\t1\tEk.\tEk iki.\n", encoding="utf-8")
        with pytest.raises(UserError, match=r"stsb-tr-train\.tsv: 5 pairs, but en has 4"):
            read_parallel(small_data, ("en", "tr"), ntrex_tail=2)

    def test_training_arguments(self, small_data: Path, small_recipe: Path, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="is no model folder"):
            train_static(load_recipe(small_recipe), small_data, small_data)
        assert (small_data / "stsb").is_dir()
        change(small_recipe, "training", batch=1024)
        with pytest.raises(UserError, match=r"training\.batch: 1024 .*have 12 rows"):
            train_static(load_recipe(small_recipe), small_data, tmp_path / "out")


class TestBundled:
    @pytest.fixture(scope="class")
    def encode(self) -> Callable[[list[str]], NDArray[np.float32]]:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(BUNDLED), device="cpu").float()
        return lambda texts: np.asarray(model.encode(texts))

    def test_files(self) -> None:
        assert sum(path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()) <= 20_000_000
        weights = load_file(BUNDLED / "model.safetensors")
        assert {name: str(value.dtype) for name, value in weights.items()} == {"embedding.weight": "float16"}
        recipe = load_recipe(BUNDLED_RECIPE)
        shape = (recipe.tokenizer.pieces, recipe.training.dimensions)
        assert weights["embedding.weight"].shape == shape
        assert np.isfinite(weights["embedding.weight"]).all()
        assert str(ROOT.parent) not in (BUNDLED / "README.md").read_text(encoding="utf-8")

    def test_translations_are_near(self, encode: Callable[[list[str]], NDArray[np.float32]]) -> None:
        texts = {
            "en": [
                "A man is playing the guitar.",
                "The dog runs through the snow.",
                "The president gave a speech.",
            ],
            "de": [
                "Ein Mann spielt Gitarre.",
                "Der Hund läuft durch den Schnee.",
                "Der Präsident hielt eine Rede.",
            ],
            "es": [
                "Un hombre toca la guitarra.",
                "El perro corre por la nieve.",
                "El presidente dio un discurso.",
            ],
            "fr": [
                "Un homme joue de la guitare.",
                "Le chien court dans la neige.",
                "Le président a fait un discours.",
            ],
            "pt": ["Um homem toca violão.", "O cachorro corre na neve.", "O presidente fez um discurso."],
            "tr": ["Bir adam gitar çalıyor.", "Köpek karda koşuyor.", "Başkan bir konuşma yaptı."],
            "ja": ["男性がギターを弾いています。", "犬が雪の中を走る。", "大統領が演説をした。"],
            "zh": ["一个男人在弹吉他。", "狗在雪地里奔跑。", "总统发表了讲话。"],
        }
        vectors = {lang: encode(found) for lang, found in texts.items()}
        for a in texts:
            assert np.allclose(np.linalg.norm(vectors[a], axis=1), 1, atol=1e-5)
            for b in texts:
                assert (vectors[a] @ vectors[b].T).argmax(axis=1).tolist() == [0, 1, 2], (a, b)

    def test_unknown_characters_say_nothing(self, encode: Callable[[list[str]], NDArray[np.float32]]) -> None:
        nothing, one, three = encode(["", "ᚠ", "ᚠᚢᚦ"])
        assert not nothing.any()
        np.testing.assert_allclose(one, three, atol=1e-6)  # what is left is the mark of a word's start

    @needs_data
    def test_tatoeba(self, encode: Callable[[list[str]], NDArray[np.float32]]) -> None:
        folder = SHARED / "tatoeba"
        english, turkish = (
            encode((folder / f"tatoeba.tur-eng.{lang}").read_text(encoding="utf-8").splitlines())
            for lang in ("eng", "tur")
        )
        right = (turkish @ english.T).argmax(axis=1) == np.arange(1000)
        assert right.mean() > 0.65
