#!/usr/bin/env bash
# pip builds an mmcv without operators where torch is installed, and calls it a
# success.
#
# Behaviour: onedl-mmcv 2.3.6 is on the package index as a source archive. Its
# setup.py compiles the operators only if it can import torch, and pip builds in
# an environment of its own that has none. So the wheel is "py3-none-any", mmcv
# imports, and what needs mmcv._ext, such as every model of mmdet, does not.
# Nothing is printed of it. `mim install` ends the same way where its server has
# no wheel for the installed torch. MMCV_WITH_OPS=1 with --no-build-isolation
# compiles them.
# Output seen: "Tag: py3-none-any", "No module named 'mmcv._ext'", "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/pip" install -q onedl-mmcv==2.3.6
tag=$(grep '^Tag' "$folder"/venv/lib/python*/site-packages/onedl_mmcv-*/WHEEL)
echo "$tag"
error=$("$folder/venv/bin/python" -c 'import mmcv, mmcv.ops' 2>&1 | tail -1) || true
echo "$error"
[[ $tag == "Tag: py3-none-any" && $error == *"No module named 'mmcv._ext'" ]] ||
    { echo changed; exit 1; }
echo "still so"
