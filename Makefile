# make demo    sets up .venv, trains on the shapes data, evaluates, draws;
#              TASK=maskrcnn|cascade_maskrcnn|upernet|classification
# make pretrain-demo   FCMAE, then Mask R-CNN from it and from scratch
# make test    sets up .venv, runs the tests          (make test-slow: the rest)
# make lint    style, docstrings
# make docs    builds the documentation's site in site/
# make bench   timings side by side, ten minutes on two cores; make bench-gpu
#              those of a GPU
# make setup   sets up .venv; does nothing when up to date (make setup-tests:
#              with what the tests need)
# With STACK=classic, all of these use the classic OpenMMLab packages, in
# .venv-classic; make test-stacks runs the tests that depend on the packages.
PYTHON ?= python3
STACK ?= maintained
TASK ?= maskrcnn
VENV := .venv$(if $(filter-out maintained,$(STACK)),-$(STACK))
RUN := $(VENV)/bin/python
# Of the rivals in benchmarks/backbone.py, the two that matter most.
QUICK := --only mmpretrain 'timm, channels-last'
GPU := --device cuda --dtype bfloat16

.PHONY: setup setup-tests demo pretrain-demo test test-slow test-stacks \
	lint docs bench bench-gpu clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

setup:
	@$(PYTHON) dev/setup_env.py --stack $(STACK) --venv $(VENV)

setup-tests:
	@$(PYTHON) dev/setup_env.py --stack $(STACK) --venv $(VENV) --tests

demo: setup
	@$(RUN) demo/demo.py --task $(TASK)

pretrain-demo: setup
	@$(RUN) demo/pretrain_demo.py

test: setup-tests
	@$(RUN) -m pytest -m 'not slow' -n 2 --dist loadfile

test-stacks: setup-tests
	@$(RUN) -m pytest -m 'not slow' -n 2 --dist loadfile @dev/cross_package_tests.txt

test-slow: setup-tests
	@$(RUN) -m pytest -m slow -n 2 --dist loadfile

lint: setup-tests
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/interrogate mmconvnextv2 tools demo dev
	@$(RUN) dev/check_metafile.py
	@$(RUN) dev/paper_table.py --check
	@$(RUN) dev/which_recipe.py --check
	@$(RUN) dev/versions_table.py --check

.venv-docs/installed: docs/requirements.txt
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/pip install --quiet -r $<
	@touch $@

# Not --quiet, which hides the warnings that strict counts.
docs: .venv-docs/installed
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build
	@echo "The site is in site/: open site/index.html"

bench: setup-tests
	@$(RUN) benchmarks/backbone.py --repeats 3
	@$(RUN) benchmarks/backbone.py --repeats 3 --archs base --batch 4 $(QUICK)
	@$(RUN) benchmarks/backbone.py --repeats 3 --kinds inference \
		--batch 1 --size 800 1280 $(QUICK)
	@$(RUN) benchmarks/fcmae.py --repeats 3 --archs tiny
	@$(RUN) benchmarks/half_precision.py --repeats 3 --errors
	@$(RUN) benchmarks/half_precision.py --kinds training --packed
	@$(RUN) benchmarks/half_precision.py --repeats 3 --kinds training \
		--batch 1 --size 800 1280
	@$(RUN) benchmarks/mask_rcnn.py --repeats 3
	@$(RUN) benchmarks/scaling.py --repeats 3
	@$(RUN) benchmarks/operators.py --repeats 3
	@$(RUN) benchmarks/loader.py --repeats 3

# Needs 80 GB; torch.compile takes minutes of it.
bench-gpu: setup-tests
	@$(RUN) benchmarks/kernels.py
	@$(RUN) benchmarks/backbone.py --batch 128 $(GPU) --compile
	@$(RUN) benchmarks/backbone.py --batch 64 $(GPU) --compile --graphs $(QUICK) \
		'timm, channels-last, torch.compile' 'mmconvnextv2, Triton' \
		'mmconvnextv2, torch.compile, Triton'
	@$(RUN) benchmarks/backbone.py --batch 64 $(GPU) --compile --archs base
	@$(RUN) benchmarks/backbone.py --batch 8 $(GPU) --compile --kinds inference \
		--size 800 1280
	@$(RUN) benchmarks/fcmae.py --batch 256 $(GPU) --compile --archs tiny
	@$(RUN) benchmarks/fcmae.py --batch 128 $(GPU) --compile --archs base
	@$(RUN) benchmarks/scaling.py --batch 256 $(GPU) --triton
	@$(RUN) benchmarks/operators.py --batch 128 $(GPU)

clean:
	rm -rf $(VENV) $(VENV)-logs .venv-docs site build dist *.egg-info
