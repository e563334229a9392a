#!/usr/bin/env bash
# Prints the table "On phones and small boards" of docs/deployment.md: what
# becomes of the classifier of atto, as tools/export.py writes it, in runtimes
# for small devices. Each gets an environment of its own, in a temporary folder
# of some 4 GB; where it runs on Linux its scores are compared with PyTorch's.
# Not a part of the tests: the packages follow PyTorch's versions.
#     dev/edge.sh [PYTHON of the project's environment]
set -euo pipefail
python=$(command -v "${1:-python3}")
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
config=convnextv2_a_supervised_in1k

# Random weights, in which GRN does something.
"$python" - "$config" "$folder/weights.pth" <<'PY'
import sys

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmconvnextv2.config.find import find_config
from mmconvnextv2.models.layers.grn import GRN

init_default_scope('mmpretrain')
torch.manual_seed(0)
model = MODELS.build(Config.fromfile(find_config(sys.argv[1])).model)
for module in model.modules():
    if isinstance(module, GRN):
        torch.nn.init.normal_(module.gamma)
        torch.nn.init.normal_(module.beta)
torch.save(dict(state_dict=model.state_dict()), sys.argv[2])
PY
"$python" tools/export.py $config "$folder/model.pt2" --format torch_export \
    --checkpoint "$folder/weights.pth"
"$python" tools/export.py $config "$folder/model.onnx" --format onnx \
    --checkpoint "$folder/weights.pth"

cat > "$folder/edge.py" <<'PY'
"""Convert model.pt2 (or .onnx) in this folder, run it, and print a row."""
import os
import sys

import numpy as np
import torch

program = torch.export.load('model.pt2')
images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
expected = program.module()(images).detach().numpy()


def traced():
    return torch.jit.trace(program.module(), images, check_trace=False)


def by_pnnx(source):
    import ncnn
    import pnnx
    if source == 'model.pt':
        traced().save(source)
    pnnx.convert(source, images, fp16=False)
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = False
    net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    if net.load_param('model.ncnn.param') or net.load_model('model.ncnn.bin'):
        raise RuntimeError('ncnn does not load what pnnx has written')
    extractor = net.create_extractor()
    extractor.input('in0', ncnn.Mat(images[0].numpy()).clone())
    return np.array(extractor.extract('out0')[1])


def executorch():
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
        XnnpackPartitioner,
    )
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime
    edge = to_edge_transform_and_lower(
        program, partitioner=[XnnpackPartitioner()])
    # A method does not hold what it was loaded from.
    buffer = edge.to_executorch().buffer
    loaded = Runtime.get().load_program(buffer)
    return loaded.load_method('forward').execute([images])[0].numpy().copy()


def litert():
    import litert_torch
    model = litert_torch.convert(program.module(), (images, ))
    model.export('model.tflite')
    return np.array(model(images))


def core_ml(model, **options):
    import coremltools
    coremltools.convert(model, convert_to='mlprogram', **options).save(
        'model.mlpackage')


def core_ml_traced():
    import coremltools
    core_ml(traced(), inputs=[coremltools.TensorType(shape=images.shape)])


WAYS = {
    'ncnn by pnnx, .pt2 traced': lambda: by_pnnx('model.pt'),
    'ncnn by pnnx, .onnx': lambda: by_pnnx('model.onnx'),
    'ExecuTorch with XNNPACK, .pt2': executorch,
    'LiteRT, .pt2': litert,
    'Core ML, .pt2': lambda: core_ml(program.run_decompositions({})),
    'Core ML, .pt2 traced': core_ml_traced}
try:
    found = WAYS[sys.argv[1]]()
    result = 'converts; not run'
    if found is not None:
        error = abs(found - expected).max() / abs(expected).max()
        result = f'relative error {error:.1e}'
except Exception as error:
    result = f'{type(error).__name__}: {str(error).strip().splitlines()[0]}'
os.write(int(sys.argv[3]), f'| {sys.argv[1]} | {sys.argv[2]} | {result} |\n'
         .encode())
PY

# row WAY PACKAGE...: one row, in the environment that there is.
row() {
    local way=$1; shift
    (cd "$folder" && venv/bin/python edge.py "$way" "$*" 3 3>&1 >log 2>&1) ||
        { echo "| $way | $* | ends: $(tail -1 "$folder/log") |"; }
}

# with PACKAGE...: a new environment.
with() {
    rm -rf "$folder/venv"
    "$python" -m venv "$folder/venv"
    "$folder/venv/bin/pip" install -q torch==2.13.0 "$@" 2> "$folder/log"
}

echo '| runtime, from | versions | result |'
echo '|---|---|---|'
packages=(pnnx==20261020 ncnn==1.0.20261020)
with "${packages[@]}"
row 'ncnn by pnnx, .pt2 traced' "${packages[@]}"
row 'ncnn by pnnx, .onnx' "${packages[@]}"
with executorch==1.5.1
row 'ExecuTorch with XNNPACK, .pt2' executorch==1.5.1
with litert-torch==0.10.0
row 'LiteRT, .pt2' litert-torch==0.10.0
with coremltools==9.0
row 'Core ML, .pt2' coremltools==9.0
row 'Core ML, .pt2 traced' coremltools==9.0
