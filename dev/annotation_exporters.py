"""Export annotations by tools that people use; compare what is said of them.

``export FOLDER`` runs beside the tools, ``check FOLDER`` beside this package:
``dev/annotation_exporters.sh`` does both.
"""
import json
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ['cat', 'dog']
_CAT, _DOG = [[5, 5, 25, 5, 25, 25, 5, 25]], [
    [30, 10, 50, 10, 50, 30, 30, 30]]
_CAT_IN_TWO = [[5, 5, 15, 5, 15, 25, 5, 25], [20, 5, 25, 5, 25, 25, 20, 25]]
# Class and polygons of the objects of each image; two images a split.
SPLITS = dict(
    train=2 * [[('cat', _CAT), ('dog', _DOG)]],
    val=2 * [[('dog', _DOG), ('cat', _CAT_IN_TWO)]])

_NO_MASK = (
    '{0}.json: none of its 4 annotations of the classes can {1}: 4 have no '
    'mask of a polygon of 3 points or more. To train on boxes alone: '
    "with_mask=False in the pipelines, model.roi_head.mask_head=None, "
    "metric='bbox' of the evaluators.")
_NO_MASKS = [_NO_MASK.format('train', 'be trained on'),
             _NO_MASK.format('val', 'count in an evaluation')]
_CROWDS = ['val.json: 2 annotations are crowds (iscrowd 1): ids 2, 4',
           'val.json: no object can count in an evaluation of 1 of the 2 '
           'classes: cat']
_ORDERS = ['val.json: its categories have the order dog, cat, by which '
           f"mmdet's {kind} numbers them, and metainfo.classes cat, dog. "
           f"Labels follow the names with type='mmconvnextv2.{ours}'"
           for kind, ours in (('CocoDataset', 'CocoByNameDataset'),
                              ('CocoMetric', 'CocoByNameMetric'))]
_ID_0 = ["val.json: mmdet's CocoMetric never finds an annotation with the id "
         '0 and needs iscrowd of each: ids 0. '
         "type='mmconvnextv2.CocoByNameMetric' needs neither"]
# What is said with our types, of a model with masks and of one without, and
# with mmdet's types.
EXPECTED = dict(
    labelme=([], [], _ORDERS),
    supervision=(_CROWDS, _CROWDS, _CROWDS),
    supervision_boxes=(_NO_MASKS, [], []),
    datumaro=([], [], []),
    globox=(_NO_MASKS, [], _ID_0),
    pylabel=(_NO_MASKS, [], [*_ORDERS, *_ID_0]),
    label_studio=([], [], _ID_0))

def corners(polygons):
    """Box around polygons."""
    points = np.concatenate([np.reshape(x, (-1, 2)) for x in polygons])
    return [*map(int, points.min(0)), *map(int, points.max(0))]


def labelme(images, folder, out):
    """Write labelme files, which labelme2coco reads."""
    import labelme2coco
    for i, objects in enumerate(images):
        shapes = [dict(label=name, points=np.reshape(part, (-1, 2)).tolist(),
                       shape_type='polygon', group_id=None, flags={})
                  for name, parts in objects for part in parts]
        (folder / f'{i}.json').write_text(json.dumps(dict(
            version='5.5.0', flags={}, shapes=shapes, imagePath=f'{i}.png',
            imageData=None, imageHeight=40, imageWidth=60)))
    labelme2coco.convert(str(folder), str(out.parent / 'labelme'))
    (out.parent / 'labelme' / 'dataset.json').rename(out)


def supervision(images, folder, out, masks=True):
    """Draw masks for supervision."""
    import cv2
    import supervision as sv
    annotations = {}
    for i, objects in enumerate(images):
        drawn = []
        for _, parts in objects:
            mask = np.zeros((40, 60), np.uint8)
            cv2.fillPoly(mask, [np.reshape(x, (-1, 2)) for x in parts], 1)
            drawn.append(mask.astype(bool))
        annotations[str(folder / f'{i}.png')] = sv.Detections(
            xyxy=np.array([corners(x) for _, x in objects], float),
            class_id=np.array([NAMES.index(x) for x, _ in objects]),
            mask=np.array(drawn) if masks else None)
    sv.DetectionDataset(NAMES, sorted(annotations), annotations).as_coco(
        annotations_path=str(out))


def supervision_boxes(*args):
    """Give supervision boxes only."""
    supervision(*args, masks=False)


def datumaro(images, folder, out):
    """Give datumaro polygons, grouped by object."""
    from datumaro.components.annotation import Polygon
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image as Media
    items = []
    for i, objects in enumerate(images):
        found = [Polygon(part, label=NAMES.index(name), group=n + 1)
                 for n, (name, parts) in enumerate(objects) for part in parts]
        items.append(DatasetItem(
            id=str(i), subset=folder.name, annotations=found,
            media=Media.from_file(path=str(folder / f'{i}.png'))))
    Dataset.from_iterable(items, categories=NAMES).export(
        str(out.parent / f'exported_{folder.name}'), 'coco_instances')
    (out.parent / f'exported_{folder.name}' / 'annotations'
     / f'instances_{folder.name}.json').rename(out)


def globox(images, folder, out):
    """Give globox boxes, which get ids from 0."""
    from globox import Annotation, AnnotationSet, BoundingBox
    AnnotationSet([
        Annotation(f'{i}.png', (60, 40), [
            BoundingBox.create(label=name, coords=tuple(corners(parts)))
            for name, parts in objects])
        for i, objects in enumerate(images)]).save_coco(out, auto_ids=True)


def pylabel(images, folder, out):
    """Write YOLO's boxes, which pylabel reads."""
    from pylabel import importer
    for i, objects in enumerate(images):
        rows = []
        for name, parts in objects:
            x1, y1, x2, y2 = corners(parts)
            rows.append(f'{NAMES.index(name)} {(x1 + x2) / 120} '
                        f'{(y1 + y2) / 80} {(x2 - x1) / 60} {(y2 - y1) / 40}')
        (folder / f'{i}.txt').write_text('\n'.join(rows))
    importer.ImportYoloV5(
        path=str(folder), cat_names=NAMES,
        img_ext='png').export.ExportToCoco(output_path=str(out))


def label_studio(images, folder, out):
    """Write Label Studio's tasks for its converter."""
    from label_studio_converter import Converter
    tasks = []
    for i, objects in enumerate(images):
        results = [dict(
            id=f'{i}{n}', type='polygonlabels', from_name='label',
            to_name='image', original_width=60, original_height=40,
            value=dict(polygonlabels=[name], points=[
                [x / .6, y / .4] for x, y in np.reshape(part, (-1, 2))]))
            for n, (name, parts) in enumerate(objects) for part in parts]
        tasks.append(dict(id=i + 1, data=dict(image=str(folder / f'{i}.png')),
                          annotations=[dict(id=i + 1, result=results)]))
    source = out.parent / 'tasks'
    source.mkdir(exist_ok=True)
    (source / 'tasks.json').write_text(json.dumps(tasks))
    labels = ''.join(f'<Label value="{x}"/>' for x in NAMES)
    Converter(
        '<View><Image name="image" value="$image"/><PolygonLabels '
        f'name="label" toName="image">{labels}</PolygonLabels></View>',
        project_dir=None).convert_to_coco(
            str(source), str(out.parent / 'studio'),
            output_image_dir=str(folder))
    (out.parent / 'studio' / 'result.json').rename(out)


def export(root):
    """Export each split by each tool."""
    for name in EXPECTED:
        for split, images in SPLITS.items():
            folder = root / name / split
            folder.mkdir(parents=True)
            for i in range(len(images)):
                Image.new('RGB', (60, 40)).save(folder / f'{i}.png')
            globals()[name](images, folder, root / name / f'{split}.json')


def config(folder, has_masks, is_ours):
    """Fill in a config of this package for a tool's files."""
    from mmengine.config import Config

    from mmconvnextv2.config.find import configs_folder
    cfg = Config.fromfile(configs_folder() / 'maskrcnn_convnextv2_b_coco.py')
    for split in SPLITS:
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.update(
            data_root='', ann_file=str(folder / f'{split}.json'),
            data_prefix=dict(img=str(folder / split)),
            metainfo=dict(classes=NAMES))
        for step in dataset.pipeline:
            if step.type == 'LoadAnnotations':
                step.with_mask = has_masks
        if not is_ours:
            dataset.type = 'CocoDataset'
    cfg.val_evaluator.ann_file = str(folder / 'val.json')
    if not has_masks:
        cfg.val_evaluator.metric = 'bbox'
    if not is_ours:
        cfg.val_evaluator.type = 'CocoMetric'
    return cfg


def check(root):
    """Compare what the data checks say with what is expected."""
    from mmconvnextv2.config.data_checks import check_data
    wrong = 0
    for name, lines in EXPECTED.items():
        for setting, expected in zip(
                ((True, True), (False, True), (False, False)), lines):
            faults, notes = check_data(
                config(root / name, *setting), tuple(SPLITS))
            found = [re.sub(r'^.*/(?=\w+\.json: )', '', x)
                     for x in (*faults, *notes)]
            if found != expected:
                wrong += 1
                print(name, setting, '\n  expected', expected, '\n  found',
                      found)
    print(f'{len(EXPECTED)} exports, 3 settings each: {wrong} not as expected')
    return int(wrong > 0)


if __name__ == '__main__':
    sys.exit(dict(export=export, check=check)[sys.argv[1]](Path(sys.argv[2])))
