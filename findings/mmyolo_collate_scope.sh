#!/usr/bin/env bash
# A config that inherits from one of mmyolo by `mmyolo::` cannot load batches.
#
# Behaviour: MMEngine 0.10.7 writes _scope_ into each dict with a type of a base
# that is named by its package, and Runner.build_dataloader hands all of
# collate_fn but its type to the function. mmyolo 0.6.0's yolov5_collate takes
# no _scope_, so the first batch ends in a TypeError. The base by its path has no
# _scope_. What helps: collate_fn=dict(_delete_=True, type='yolov5_collate').
# Output seen: "mmyolo:: yolov5_collate() got an unexpected keyword argument
# '_scope_'", "path: 2 images", "set again: 2 images" and "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 torchvision==0.28.0 \
    numpy==2.2.6 mmengine==0.10.7 mmcv-lite==2.1.0 setuptools==80.9.0 \
    pycocotools==2.0.11 scipy==1.17.1 shapely==2.2.0 six==1.17.0 \
    terminaltables==3.1.10 tqdm==4.70.1 matplotlib==3.11.2
"$folder/venv/bin/pip" install -q --no-deps mmdet==3.3.0 mmyolo==0.6.0
# Only its check of versions refuses mmcv 2.1.0.
sed -i "s/^mmcv_maximum_version = .*/mmcv_maximum_version = '2.2.0'/" \
    "$folder"/venv/lib/python*/site-packages/mmyolo/__init__.py
cat > "$folder/load.py" <<'PY'
import sys
from pathlib import Path
from types import ModuleType

import torch

# The collate function needs none of the compiled operators.
operators = ModuleType('mmcv._ext')
operators.__getattr__ = lambda name: None
sys.modules['mmcv._ext'] = operators
import mmyolo.datasets
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData

NAME = 'rtmdet/rtmdet_tiny_syncbn_fast_8xb32-300e_coco.py'
FILE = Path(mmyolo.__file__).parent / '.mim' / 'configs' / NAME
AGAIN = ("train_dataloader = dict(collate_fn=dict(_delete_=True, "
         "type='yolov5_collate'))")


class Two(torch.utils.data.Dataset):
    """Two images, each with a box."""

    def __len__(self):
        return 2

    def __getitem__(self, i):
        sample = DetDataSample(gt_instances=InstanceData(
            bboxes=HorizontalBoxes(torch.tensor([[1., 1., 8., 9.]])),
            labels=torch.tensor([0])))
        return dict(inputs=torch.zeros(3, 16, 16, dtype=torch.uint8),
                    data_samples=sample)


def first_batch(base, line=''):
    file = Path(sys.argv[1]) / 'mine.py'
    file.write_text(f'_base_ = {str(base)!r}\n{line}\n')
    cfg = Config.fromfile(str(file)).train_dataloader
    loader = Runner.build_dataloader(dict(
        dataset=Two(), batch_size=2, sampler=dict(type='DefaultSampler'),
        collate_fn=cfg.collate_fn))
    return next(iter(loader))['inputs']


try:
    first_batch(f'mmyolo::{NAME}')
except TypeError as error:
    print('mmyolo::', error)
    assert "unexpected keyword argument '_scope_'" in str(error)
else:
    raise SystemExit('it loads')
print(f'path: {len(first_batch(FILE))} images')
print(f"set again: {len(first_batch(f'mmyolo::{NAME}', AGAIN))} images")
print('still so')
PY
"$folder/venv/bin/python" -W ignore "$folder/load.py" "$folder"
