"""Compare an exported model with tools/infer.py's predictions.

Exports a model to ONNX, runs it by demo/run_exported.py in an environment that
has neither PyTorch nor OpenMMLab, and prints how the results differ:
    python -m venv /tmp/plain
    /tmp/plain/bin/pip install numpy opencv-python-headless onnxruntime pillow
    python dev/check_exported.py CONFIG CHECKPOINT IMAGES --plain-python \\
        /tmp/plain/bin/python [--annotations COCO.json]
"""
import argparse
import contextlib
import io
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from mmengine.config import Config
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmconvnextv2.config.find import find_config
from mmconvnextv2.images import list_images
from mmconvnextv2.inference.predict import build_predictor

ROOT = Path(__file__).parents[1]
_PLAIN = '''
import importlib.util, pickle, sys
sys.path.insert(0, sys.argv[1])
from run_exported import ExportedModel
found = [x for x in ('torch', 'mmengine', 'mmcv')
         if importlib.util.find_spec(x)]
if found and sys.argv[3] == 'plain':
    sys.exit(f'not a plain environment: it has {found}')
model = ExportedModel(sys.argv[2])
results = [model(path) for path in sys.argv[4:]]
pickle.dump(results, sys.stdout.buffer)
'''


def run_plain(model, paths, python=None):
    """Run a file on images in another process; returns a result for each."""
    mode = 'plain' if python else 'any'
    done = subprocess.run(
        [python or sys.executable, '-c', _PLAIN, ROOT / 'demo', model, mode,
         *paths], stdout=subprocess.PIPE, check=True)
    return pickle.loads(done.stdout)


def overlaps(boxes, others):
    """Return the IoU of boxes (N, 4) and others (M, 4), as (N, M)."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    both = np.prod(np.maximum(high - low, 0), -1)
    areas, of_others = (np.prod(x[:, 2:] - x[:, :2], -1)
                        for x in (boxes, others))
    return both / (areas[:, None] + of_others - both)


def compare_detections(ours, theirs, score_thr=0.3):
    """Compare detections above a score, image by image.

    Returns:
        dict: ``boxes``, how many of ours; ``matched``, those that the others
        have with an IoU of 0.99 and the same label; the largest difference of
        a matched ``score``; and ``mask_iou``, the least of a matched mask.
    """
    count, scores, masks = 0, [], []
    for mine, others in zip(ours, theirs):
        mine = [x for x in mine if x['score'] >= score_thr]
        count += len(mine)
        for x in mine:
            same = [y for y in others if y['label'] == x['label']]
            boxes = np.array([y['bbox'] for y in same]).reshape(-1, 4)
            iou = overlaps(np.array([x['bbox']]), boxes)[0]
            if len(iou) and iou.max() >= 0.99:
                match = same[iou.argmax()]
                scores.append(abs(x['score'] - match['score']))
                if 'mask' in match:
                    a, b = rle.decode(x['mask']) > 0, match['mask']
                    union = (a | b).sum()
                    masks.append((a & b).sum() / union if union else 1.)
    return dict(boxes=count, matched=len(scores),
                score=max(scores, default=0.),
                mask_iou=min(masks, default=1.))


def box_map(results, paths, annotations):
    """Compute COCO's box mAP of detections of images by name."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(annotations))
        ids = {x['file_name']: x['id'] for x in coco.dataset['images']}
        kinds = sorted(coco.cats)
        rows = [dict(image_id=ids[path.name], score=x['score'],
                     category_id=kinds[x['label']],
                     bbox=[*x['bbox'][:2], x['bbox'][2] - x['bbox'][0],
                           x['bbox'][3] - x['bbox'][1]])
                for path, found in zip(paths, results) for x in found]
        done = COCOeval(coco, coco.loadRes(rows), 'bbox')
        done.params.imgIds = [ids[path.name] for path in paths]
        done.evaluate()
        done.accumulate()
        done.summarize()
    return float(done.stats[0])


def predict_ours(cfg, checkpoint, paths):
    """Predict as tools/infer.py does, with all detections."""
    predictor = build_predictor(cfg, str(checkpoint), device='cpu',
                                score_thr=0.)
    found = [predictor(str(path)) for path in paths]
    if found[0].labels is not None:
        return [x.labels for x in found]
    key = next(iter(found[0].result))
    return [x.result[key] for x in found]


def compare(config, checkpoint, images, annotations=None, python=None):
    """Export a model, run it plainly, and compare; returns figures."""
    cfg = Config.fromfile(find_config(str(config)))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, 'model.onnx')
        subprocess.run(
            [sys.executable, ROOT / 'tools' / 'export.py', config, model,
             '--checkpoint', checkpoint, '--format', 'onnx', '--dynamic'],
            check=True)
        theirs = run_plain(model, images, python)
    ours = predict_ours(cfg, checkpoint, images)
    if isinstance(theirs[0], list):
        figures = compare_detections(ours, theirs)
        if annotations:
            figures.update(map=box_map(theirs, images, annotations),
                           map_of_ours=box_map(ours, images, annotations))
        return figures
    if theirs[0].ndim == 2:
        same = sum((x == y).sum() for x, y in zip(ours, theirs))
        return dict(equal_pixels=same / sum(x.size for x in ours))
    return dict(probability=max(
        abs(found[x['label']] - x['score'])
        for best, found in zip(ours, theirs) for x in best))


def main():
    """Read the command line; print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('config')
    add('checkpoint')
    add('images', type=Path, help='a folder')
    add('--number', type=int, default=50, help='of images (default: 50)')
    add('--annotations', help="COCO's, for the mAP of detectors")
    add('--plain-python', help='of an environment without PyTorch')
    args = parser.parse_args()
    images = list_images(args.images)[:args.number]
    for key, value in compare(args.config, args.checkpoint, images,
                              args.annotations, args.plain_python).items():
        print(f'{key} {value:.7g}')


if __name__ == '__main__':
    main()
