#!/usr/bin/env bash
# SSDHead of mmdet trains but cannot predict.
#
# Behaviour: BaseDenseHead of mmdet 3.3.0 looks for custom_cls_channels in
# self.loss_cls while it predicts. SSDHead calls no constructor but that of
# BaseModule and has no loss_cls, so prediction, and with it validation, ends in
# an AttributeError for each SSD config. onedl-mmdetection 3.5.1 has the same.
# What helps: bbox_head.loss_cls = None on the built model.
# Output seen: "'SSDHead' object has no attribute 'loss_cls'", then
# "with loss_cls=None: 4 boxes" and "still so".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 torchvision==0.28.0 \
    numpy==2.2.6 mmengine==0.10.7 mmcv-lite==2.1.0 setuptools==80.9.0 \
    pycocotools==2.0.11 scipy==1.17.1 shapely==2.2.0 six==1.17.0 \
    terminaltables==3.1.10 tqdm==4.70.1 matplotlib==3.11.2
"$folder/venv/bin/pip" install -q --no-deps mmdet==3.3.0
cat > "$folder/predict.py" <<'PY'
import sys
from types import ModuleType

import torch

# The head needs none of the compiled operators that mmdet imports.
operators = ModuleType('mmcv._ext')
operators.__getattr__ = lambda name: None
sys.modules['mmcv._ext'] = operators
from mmdet.models.dense_heads import SSDHead
from mmengine.config import Config

torch.manual_seed(0)
head = SSDHead(
    num_classes=1, in_channels=(8, ),
    anchor_generator=dict(
        type='SSDAnchorGenerator', scale_major=False, input_size=300,
        basesize_ratio_range=(0.15, 0.9), strides=[8], ratios=[[2]]),
    test_cfg=Config(dict(nms_pre=4, min_bbox_size=0, score_thr=0.)))
maps = head([torch.randn(1, 8, 2, 2)])
images = [dict(img_shape=(16, 16))]
try:
    head.predict_by_feat(*maps, batch_img_metas=images, with_nms=False)
except AttributeError as error:
    print(error)
    assert str(error) == "'SSDHead' object has no attribute 'loss_cls'"
else:
    raise SystemExit('it predicts')
head.loss_cls = None
found = head.predict_by_feat(
    *maps, batch_img_metas=images, with_nms=False)[0]
print(f'with loss_cls=None: {len(found)} boxes')
print('still so')
PY
"$folder/venv/bin/python" -W ignore "$folder/predict.py"
