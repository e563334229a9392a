# make demo    sets up .venv, trains on the shapes data, evaluates, draws;
#              TASK=maskrcnn|cascade_maskrcnn|upernet|classification
# make pretrain-demo   FCMAE, then Mask R-CNN from it and from scratch
# make test    sets up .venv, runs the tests          (make test-slow: the rest)
# make lint    style, docstrings
# make bench   timings side by side
# make setup   sets up .venv; does nothing when up to date
# With STACK=classic, all of these use the classic OpenMMLab packages, in
# .venv-classic; make test-stacks runs the tests that depend on the packages.
PYTHON ?= python3
STACK ?= maintained
TASK ?= maskrcnn
VENV := .venv$(if $(filter-out maintained,$(STACK)),-$(STACK))
RUN := $(VENV)/bin/python

.PHONY: setup demo pretrain-demo test test-slow test-stacks lint bench clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

setup:
	@$(PYTHON) dev/setup_env.py --stack $(STACK) --venv $(VENV)

demo: setup
	@$(RUN) tools/demo.py --task $(TASK)

pretrain-demo: setup
	@$(RUN) tools/pretrain_demo.py

test: setup
	@$(RUN) -m pytest -m 'not slow'

test-stacks: setup
	@$(RUN) -m pytest -m 'not slow' @dev/cross_package_tests.txt

test-slow: setup
	@$(RUN) -m pytest -m slow

lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/interrogate mmconvnextv2 tools dev
	@$(RUN) tools/check_metafile.py
	@$(RUN) dev/versions_table.py --check

bench: setup
	@$(RUN) benchmarks/backbone.py

clean:
	rm -rf $(VENV) $(VENV)-logs build dist *.egg-info
