#!/usr/bin/env bash
# NNCF quantises the wrong axis before a depthwise convolution in a
# channels-last network: images of another height then fail.
#
# Behaviour: NNCF 3.4.0 gives the input of a depthwise convolution a range for
# each channel, on axis 1. It then moves that quantiser up, before the Transpose
# from (N, H, W, C) to (N, C, H, W), and leaves the axis: the ranges are those of
# rows. OpenVINO 2026.4.1 runs the result on images as high as the calibration's
# and refuses others; in a large network it does not compile ("doesn't support
# non per-tensor quantization for axis: 2"). A network that is (N, C, H, W)
# throughout, as timm's, has no such Transpose. Where the sum before it is
# quantised as well, one range for the whole tensor serves both and all is well.
# Output seen, of 7 rows of 8 channels: "ranges (1, 7, 1, 1) of a map [?,?,?,8]",
# "7 rows: (1, 7, 7, 8)" and "9 rows: Eltwise shape infer input shapes dim index:
# 1 mismatch".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q nncf==3.4.0 openvino==2026.4.1 numpy==2.2.6
cat > "$folder/quantize.py" <<'PY'
import nncf
import numpy as np
import openvino as ov
from openvino import opset13 as ops

rng = np.random.default_rng(0)


def weight(*shape):
    return ops.constant(rng.normal(size=shape).astype('f4'))


image = ops.parameter([-1, -1, -1, 4], np.float32, name='image')
x = ops.matmul(image, weight(4, 8), False, False)
skip = ops.gelu(x, 'erf')
x = ops.add(x, skip)  # stays in float below
residual = x
x = ops.transpose(x, ops.constant([0, 3, 1, 2]))
x = ops.group_convolution(x, weight(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1],
                          [1, 1])
x = ops.add(ops.transpose(x, ops.constant([0, 2, 3, 1])), residual)
model = ov.Model([ops.result(x)], [image], 'block')
data = nncf.Dataset([rng.normal(size=(1, 7, 7, 4)).astype('f4')
                     for _ in range(4)])
quantized = nncf.quantize(model, data, subset_size=4,
                          ignored_scope=nncf.IgnoredScope(types=['Add']))
found = []
for node in quantized.get_ops():
    if node.get_type_name() == 'FakeQuantize':
        to = {x.get_node().get_type_name()
              for x in node.output(0).get_target_inputs()}
        ranges = tuple(node.input(1).get_shape())
        of = str(node.input(0).get_partial_shape())
        if 'Transpose' in to:
            print('ranges', ranges, 'of a map', of)
            found.append((ranges, of))
assert found == [((1, 7, 1, 1), '[?,?,?,8]')], found
run = ov.compile_model(quantized, 'CPU')
print('7 rows:', run([rng.normal(size=(1, 7, 7, 4)).astype('f4')])[0].shape)
try:
    run([rng.normal(size=(1, 9, 7, 4)).astype('f4')])
except RuntimeError as error:
    line = str(error).strip().splitlines()[-1]
    print('9 rows:', line)
    assert line == 'Eltwise shape infer input shapes dim index: 1 mismatch'
else:
    raise SystemExit('9 rows are accepted')
PY
"$folder/venv/bin/python" "$folder/quantize.py" 2>&1 | grep -v '%\|INFO'
