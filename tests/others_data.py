"""Data sets of others in miniature, in their exact layouts."""
import json
from pathlib import Path
from shutil import copyfile

SARDET = ('ship', 'aircraft', 'car', 'tank', 'bridge', 'harbor')
AIRCRAFT = ('A220', 'A320/321', 'A330', 'ARJ21', 'Boeing737', 'Boeing787',
            'other')


def _shapes(folder: Path, split: str) -> dict:
    return json.loads((
        folder / f'annotations/instances_{split}2017.json').read_text())


def make_cub(folder: Path, shapes: Path) -> None:
    """CUB-200-2011: four text files count images and classes from 1."""
    images, labels, splits = [], [], []
    found = sorted((shapes / 'imagenet').rglob('*.jpg'))
    for i, path in enumerate(found, 1):
        kind = f'{i % 200 + 1:03d}.Bird_{i}'
        (folder / 'images' / kind).mkdir(parents=True)
        name = f'{kind}/Bird_{i:04d}_{i}.jpg'
        copyfile(path, folder / 'images' / name)
        images.append(f'{i} {name}')
        labels.append(f'{i} {i % 200 + 1}')
        splits.append(f'{i} {int("train" in path.parts)}')
    for name, lines in (('images', images), ('image_class_labels', labels),
                        ('train_test_split', splits)):
        (folder / f'{name}.txt').write_text('\n'.join(lines) + '\n')


def make_sardet(folder: Path, shapes: Path) -> None:
    """SARDet-100K: COCO's form, JPEGImages/SPLIT and Annotations."""
    (folder / 'Annotations').mkdir(parents=True)
    (folder / 'JPEGImages').mkdir()
    for split, source in (('train', 'train'), ('val', 'val'),
                          ('test', 'val')):
        data = _shapes(shapes, source)
        for i, category in enumerate(data['categories']):
            category['name'] = SARDET[i]
        data['categories'].append(dict(id=99, name=SARDET[5]))
        for annotation in data['annotations']:
            del annotation['segmentation']  # It has boxes only.
        (folder / f'Annotations/{split}.json').write_text(json.dumps(data))
        (folder / 'JPEGImages' / split).symlink_to(shapes / f'{source}2017')


def make_aircraft(folder: Path, shapes: Path) -> None:
    """SAR-AIRcraft-1.0: VOC's form, a file of XML for each image."""
    for name in ('Annotations', 'ImageSets/Main', 'JPEGImages'):
        (folder / name).mkdir(parents=True)
    number = 0
    for split, source in (('train', 'train'), ('val', 'val'),
                          ('test', 'val')):
        data, names = _shapes(shapes, source), []
        for image in data['images']:
            number += 1
            names.append(f'{number:07d}')
            copyfile(shapes / f'{source}2017' / image['file_name'],
                     folder / f'JPEGImages/{names[-1]}.jpg')
            (folder / f'Annotations/{names[-1]}.xml').write_text(_xml(
                image, [x for x in data['annotations']
                        if x['image_id'] == image['id']]))
        (folder / f'ImageSets/Main/{split}.txt').write_text(
            '\n'.join(names) + '\n')


def _xml(image: dict, annotations: list) -> str:
    objects = ''.join(
        f'<object><name>{AIRCRAFT[i % 7]}</name><difficult>0</difficult>'
        f'<bndbox><xmin>{x:.0f}</xmin><ymin>{y:.0f}</ymin><xmax>{x + w:.0f}'
        f'</xmax><ymax>{y + h:.0f}</ymax></bndbox></object>'
        for i, (x, y, w, h) in enumerate(a['bbox'] for a in annotations))
    return (f'<annotation><size><width>{image["width"]}</width><height>'
            f'{image["height"]}</height><depth>3</depth></size>{objects}'
            '</annotation>')
