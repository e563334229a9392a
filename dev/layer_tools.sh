#!/usr/bin/env bash
# Change and watch a backbone's layers by packages that people use, and compare
# with plain layers: docs/existing_projects.md, "Packages that change layers".
# Takes two minutes; needs a package index and the virtual environment of
# `make setup`, whose packages the one made here sees.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
.venv/bin/python -c 'import site; print(*site.getsitepackages())' \
    > "$(echo "$folder"/venv/lib/python*/site-packages)/base.pth"
"$folder/venv/bin/pip" install -q --no-deps peft==0.21.2 torchao==0.18.0 \
    accelerate==1.15.0 captum==0.9.0 grad-cam==1.5.7 ttach==0.0.3 \
    ptflops==0.7.5 fvcore==0.1.5.post20221221 iopath==0.1.10 \
    portalocker==3.2.0 yacs==0.1.8 opacus==1.6.0
PYTHONPATH=$PWD "$folder/venv/bin/python" -W ignore dev/layer_tools.py
