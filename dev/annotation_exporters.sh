#!/usr/bin/env bash
# Export the same annotations by tools that people use, and compare what this
# package says of each file with what is expected: docs/your_data.md, "Your
# annotations, as they are". Takes two minutes, most of which is pip's; needs a
# package index and the virtual environment of `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --only-binary=:all: labelme2coco==0.2.6 \
    supervision==0.31.2 datumaro==1.13.12 globox==2.9.0 pylabel==0.1.55 \
    label-studio-converter==0.0.59
"$folder/venv/bin/python" dev/annotation_exporters.py export "$folder/files" \
    > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
.venv/bin/python -W ignore dev/annotation_exporters.py check "$folder/files"
