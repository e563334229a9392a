#!/usr/bin/env bash
# mmaction2 1.2.0 from the package index cannot import its models.
#
# Behaviour: mmaction/models/localizers/__init__.py imports .drn.drn, and the
# wheel holds no folder drn. `import mmaction.models` ends in
# ModuleNotFoundError, with any torch and mmcv. An installation from the source
# has the folder.
# Output seen: "from .drn.drn import DRN", "files in drn: 0", then "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-deps mmaction2==1.2.0
models=$(echo "$folder"/venv/lib/python*/site-packages/mmaction/models)
grep drn "$models/localizers/__init__.py"
files=$(find "$models/localizers" -path '*drn*' | wc -l)
echo "files in drn: $files"
[ "$files" = 0 ] || { echo 'the folder is there'; exit 1; }
echo 'still so'
