#!/usr/bin/env bash
# COCO's evaluation never finds the annotation whose id is 0.
#
# Behaviour: pycocotools 2.0.11 and faster-coco-eval 1.8.0 keep, for each
# detection, the id of the annotation that it matches, and read 0 as "none".
# An annotation with the id 0 is found by nobody: the same perfect detections
# of the same two boxes score AP 1.0 when ids begin at 1 and 0.25 when
# they begin at 0. The COCO format does not forbid 0, and tools write it.
# Output seen, of both libraries: "ids from 1: AP 1.000" and
# "ids from 0: AP 0.252".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.2.6 pycocotools==2.0.11 \
    faster-coco-eval==1.8.0
cat > "$folder/evaluate.py" <<'PY'
import contextlib
import io

import faster_coco_eval
import pycocotools.coco
import pycocotools.cocoeval

BOXES = [[10, 10, 30, 30], [50, 50, 40, 40]]


def evaluate(coco_class, eval_class, first_id):
    truth = coco_class()
    truth.dataset = dict(
        info={},
        images=[dict(id=1, width=100, height=100, file_name='a.jpg')],
        categories=[dict(id=1, name='thing')],
        annotations=[
            dict(id=first_id + i, image_id=1, category_id=1, bbox=box,
                 area=box[2] * box[3], iscrowd=0)
            for i, box in enumerate(BOXES)
        ])
    truth.createIndex()
    found = truth.loadRes([
        dict(image_id=1, category_id=1, bbox=box, score=0.9) for box in BOXES
    ])
    run = eval_class(truth, found, 'bbox')
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run.stats[0]


for name, classes in dict(
        pycocotools=(pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval),
        faster_coco_eval=(faster_coco_eval.COCO,
                          faster_coco_eval.COCOeval_faster)).items():
    figures = {}
    for first_id in (1, 0):
        with contextlib.redirect_stdout(io.StringIO()):
            figures[first_id] = evaluate(*classes, first_id)
        print(f'{name}, ids from {first_id}: AP {figures[first_id]:.3f}')
    assert round(figures[1], 3) == 1.0, figures
    assert round(figures[0], 3) == 0.252, figures
print('still so')
PY
"$folder/venv/bin/python" "$folder/evaluate.py"
