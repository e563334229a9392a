#!/usr/bin/env bash
# pnnx leaves a mean over one axis out of the ncnn file that it makes of ONNX.
#
# Behaviour: pnnx 20261020 reads the axes of ReduceMean as a number where there
# is one, and as a list where there are more. It writes the number to the ncnn
# file as a list of no axes ("-23303=0"), and ncnn 1.0.20261020 then returns its
# input. Nothing is said, and where the mean is broadcast, as in GRN, not even
# the shape tells. The same layers traced, and means over two axes, are right.
# Output seen: "traced, axis 1: 6.0e-08", "traced, axes 2 and 3: 6.0e-08",
# "ONNX, axis 1: as without the mean", "ONNX, axes 2 and 3: 6.0e-08" (the errors
# vary), then "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6 onnx==1.23.2 \
    onnxscript==0.7.2 pnnx==20261020 ncnn==1.0.20261020
cat > "$folder/mean.py" <<'PY'
import os
import sys

import ncnn
import numpy as np
import pnnx
import torch
from torch import nn


class Mean(nn.Module):
    def __init__(self, axes):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.axes = axes

    def forward(self, x):
        return self.convolution(x).mean(self.axes, keepdim=True)


def by_ncnn(file):
    """Convert a file by pnnx, and run the result."""
    pnnx.convert(file, images, fp16=False)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = False
    net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    stem = file.partition('.')[0]
    assert not net.load_param(f'{stem}.ncnn.param')
    assert not net.load_model(f'{stem}.ncnn.bin')
    extractor = net.create_extractor()
    extractor.input('in0', ncnn.Mat(images[0].numpy()).clone())
    return np.array(extractor.extract('out0')[1])


@torch.no_grad()
def describe(kind, axes):
    """Compare with PyTorch what ncnn computes."""
    torch.manual_seed(0)
    model = Mean(axes).eval()
    if kind == 'ONNX':
        file = f'onnx_{len(axes)}.onnx'
        torch.onnx.export(model, (images, ), file, verbose=False)
    else:
        file = f'traced_{len(axes)}.pt'
        torch.jit.trace(model, images).save(file)
    found = by_ncnn(file)
    without = model.convolution(images)[0].numpy()
    if found.shape == without.shape and abs(found - without).max() < 1e-5:
        return 'as without the mean'
    expected = model(images)[0].numpy()
    error = abs(found.reshape(expected.shape) - expected).max()
    assert error < 1e-5, error
    return f'{error:.1e}'


images = torch.randn(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
found = [(f'{kind}, {name}', describe(kind, axes))
         for kind in ('traced', 'ONNX')
         for name, axes in (('axis 1', (1, )), ('axes 2 and 3', (2, 3)))]
lines = [f'{name}: {result}\n' for name, result in found]
wrong = [name for name, result in found if result == 'as without the mean']
if wrong != ['ONNX, axis 1']:
    sys.exit(f'changed: {found}')
os.write(3, ''.join([*lines, 'still so\n']).encode())
PY
cd "$folder"
venv/bin/python mean.py 3>&1 > log 2>&1 || { tail -5 log; exit 1; }
