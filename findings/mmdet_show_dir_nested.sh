#!/usr/bin/env bash
# mmdet writes each picture of a test one folder deeper than the one before.
#
# Behaviour: DetVisualizationHook of mmdet 3.3.0 joins work_dir, time stamp and
# test_out_dir anew at every iteration, and keeps the result as test_out_dir.
# With a relative work_dir, as mmdet's own tools/test.py has by default
# (./work_dirs/NAME), two images end in WORK_DIR/TIME/pictures and in
# WORK_DIR/TIME/WORK_DIR/TIME/pictures, the tenth ten levels deep. With an
# absolute test_out_dir all lie in that folder.
# Output seen: "w/t/pictures/0.jpg", "w/t/w/t/pictures/1.jpg",
# "w/t/w/t/w/t/pictures/2.jpg", then "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 torchvision==0.28.0 \
    numpy==2.2.6 mmengine==0.10.7 mmcv-lite==2.1.0 setuptools==80.9.0 \
    pycocotools==2.0.11 scipy==1.17.1 shapely==2.2.0 six==1.17.0 \
    terminaltables==3.1.10 tqdm==4.70.1 matplotlib==3.11.2
"$folder/venv/bin/pip" install -q --no-deps mmdet==3.3.0
cat > "$folder/draw.py" <<'PY'
import sys
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np

# The hook needs none of the compiled operators that mmdet imports.
operators = ModuleType('mmcv._ext')
operators.__getattr__ = lambda name: None
sys.modules['mmcv._ext'] = operators
from mmdet.engine.hooks import DetVisualizationHook
from mmengine.visualization import Visualizer


class Recorder(Visualizer):

    def add_datasample(self, *args, out_file, **kwargs):
        found.append(out_file)


found = []
Recorder.get_instance('recorder')
runner = SimpleNamespace(work_dir='w', timestamp='t')
hook = DetVisualizationHook(draw=True, test_out_dir='pictures')
for i in range(3):
    cv2.imwrite(f'{i}.jpg', np.zeros((8, 8, 3), np.uint8))
    hook.after_test_iter(runner, i, {}, [SimpleNamespace(img_path=f'{i}.jpg')])
print(*found, sep='\n')
assert found == [
    'w/t/pictures/0.jpg', 'w/t/w/t/pictures/1.jpg',
    'w/t/w/t/w/t/pictures/2.jpg'
]
print('still so')
PY
(cd "$folder" && venv/bin/python draw.py)
