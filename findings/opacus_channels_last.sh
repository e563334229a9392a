#!/usr/bin/env bash
# Opacus computes wrong gradients of convolutions on channels-last maps.
#
# Behaviour: GradSampleModule of opacus 1.6.0 computes the gradients of each
# image from the memory of the maps as if that were channels-first. For a
# convolution without overlap (kernel 2, stride 2) before which the map is in
# channels-last memory they are wrong, and nothing is said. Their sum should be
# PyTorch's gradient. With force_functorch=True, or contiguous maps, it is.
# Output seen: "contiguous: 0.0%", "channels-last: " and about 100%,
# "channels-last, force_functorch: 0.0%", then "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/pip" install -q --no-deps opacus==1.6.0 opt-einsum==3.4.0
cat > "$folder/gradients.py" <<'PY'
import torch
from opacus import GradSampleModule
from torch import nn


def error(memory_format, **options):
    """Largest difference from PyTorch's gradient, of its largest value."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 2, 2))
    images = torch.randn(2, 3, 8, 8).to(memory_format=memory_format)
    plain.to(memory_format=memory_format)
    plain(images).square().sum().backward()
    expected = plain[1].weight.grad.clone()
    plain.zero_grad()
    model = GradSampleModule(plain, loss_reduction='sum', **options)
    model(images).square().sum().backward()
    found = model._module[1].weight.grad_sample.sum(0)
    return ((found - expected).abs().max() / expected.abs().max()).item()


found = {
    'contiguous': error(torch.contiguous_format),
    'channels-last': error(torch.channels_last),
    'channels-last, force_functorch': error(
        torch.channels_last, force_functorch=True),
}
for name, value in found.items():
    print(f'{name}: {value:.1%}')
right, wrong, forced = found.values()
assert right < 1e-5 and forced < 1e-5 and wrong > 0.1, found
print('still so')
PY
"$folder/venv/bin/python" -W ignore "$folder/gradients.py"
