#!/usr/bin/env bash
# A network on a CPU asks the system for the memory of each large map anew:
# at 800x1280 pixels a pass takes its maps page by page.
#
# Behaviour: PyTorch 2.13.0 keeps no memory on a CPU, as it does on a GPU; it
# calls posix_memalign and free. glibc hands what is larger than 32 MiB at most
# to mmap and munmap, and gives back what is free at the top of its heap, so the
# system clears pages again and again: 0.7 GB for each pass of three MLPs of the
# size of ConvNeXt-T's first stage. MALLOC_MMAP_MAX_=0 and
# MALLOC_TRIM_THRESHOLD_=17179869184 in the environment let glibc keep them.
# Output seen, page faults of the fourth pass: "glibc by itself: 167942",
# "memory kept: 0" (they vary), then "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6
cat > "$folder/faults.py" <<'PY'
import resource

import torch
from torch import nn

network = nn.Sequential(nn.Conv2d(3, 96, 4, 4), *(nn.Sequential(
    nn.Conv2d(96, 384, 1), nn.GELU(), nn.Conv2d(384, 96, 1))
    for _ in range(3)))
image = torch.rand(1, 3, 800, 1280)
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    with torch.inference_mode():
        network(image)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
PY
alone=$("$folder/venv/bin/python" "$folder/faults.py")
kept=$(MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 \
    "$folder/venv/bin/python" "$folder/faults.py")
echo "glibc by itself: $alone"
echo "memory kept: $kept"
# Pages of 4 KiB, none of them huge.
[[ $alone -gt 100000 && $kept -lt 10000 ]] || { echo changed; exit 1; }
echo "still so"
