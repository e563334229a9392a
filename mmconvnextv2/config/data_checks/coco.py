"""Check annotation files in COCO's format."""
import os.path as osp
import re
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple

from mmconvnextv2.config.preflight import leaf_datasets, steps_of
from mmconvnextv2.config.walk import parts, type_name
from mmconvnextv2.datasets.reading import keep, read_json
from mmconvnextv2.errors import Note
from mmconvnextv2.text import first_of
from . import coco_objects
from .coco_records import UNREADABLE, Records, Use, described, read_records
from .files import missing_files
from .images import check_sizes, is_turned

_LARGE = 50 * 2**20  # bytes, which take about 2 seconds
# Types of mmdet that number classes as the file does, and ours.
_TYPES = dict(CocoDataset='CocoByNameDataset', CocoMetric='CocoByNameMetric')


class _File(NamedTuple):
    path: str
    readers: tuple[str, ...]  # names of types
    use: Use
    is_counted: bool  # whether a run needs objects in it


def check_coco(dataset: Any, cfg: Mapping,
               split: str) -> Generator[str, None, list[str] | None]:
    """Check the annotation files of a data set and of its evaluation."""
    images = None
    for file in _files(dataset, cfg, split):
        try:
            content = _load(file)
        except (OSError, *UNREADABLE) as error:
            yield (f'{file.path}: no JSON object with images, annotations '
                   f'and categories (is it cut off?): {described(error)}')
            return None
        read = read_records(content, file.use)
        found = read.faults or [
            *_faults_of_classes(content, dataset, file),
            *faults_of_heads(dataset, cfg)]
        if not found and images is None:
            images = read.images
            found += _check_images(dataset, cfg, split, images)
        elif not found:
            found += _other_images(images, read.images, dataset)
        is_sound = all(isinstance(x, Note) for x in found)
        if is_sound:
            found += _check_objects(content, read, dataset, file)
        yield from (type(x)(f'{file.path}: {x}') for x in found)
        if not is_sound:
            return None
        if 'CocoByNameDataset' in file.readers and _is_large(file):
            keep(file.path, content)
    folder = dataset.data_prefix.get('img', '')
    return [osp.join(folder, x['file_name']) for x in images.values()]


def _files(dataset: Any, cfg: Mapping, split: str) -> list[_File]:
    """List the file of a data set, and others that its evaluation reads."""
    metrics = [x for _, x in parts(cfg.get(f'{split}_evaluator'))
               if type_name(x) in {*_TYPES, *_TYPES.values()}]
    is_blind = any(x.get('format_only') for x in metrics)
    masks = any(x.get('with_mask')
                for x in steps_of(cfg, split, 'LoadAnnotations'))
    scores_masks = any('segm' in x.get('metric', ()) for x in metrics)
    use = Use(masks or scores_masks, split != 'train', scores_masks)
    is_only = sum(1 for _ in leaf_datasets(cfg, split)) == 1
    # It may derive from one of these.
    kind = next(x.__name__ for x in type(dataset).__mro__
                if x.__name__ in {*_TYPES, *_TYPES.values()})
    files = {osp.realpath(dataset.ann_file): _File(
        dataset.ann_file, (kind, ), use,
        is_only and not is_blind and bool(metrics or split == 'train'))}
    for metric in metrics:
        path, kind = metric.get('ann_file'), type_name(metric)
        if not path or is_blind:
            continue
        first = files.get(osp.realpath(path), _File(path, (), use, True))
        files[osp.realpath(path)] = first._replace(
            readers=(*first.readers, kind))
    return list(files.values())


def _is_large(file: _File) -> bool:
    return osp.getsize(file.path) > _LARGE


def _load(file: _File) -> Any:
    if _is_large(file):
        print(f'Checking {file.path} ({osp.getsize(file.path) >> 20} MB) ...',
              file=sys.stderr, flush=True)
    content = read_json(file.path)
    if not file.is_counted:
        content.setdefault('annotations', [])
    for kind in ('images', 'categories', 'annotations'):
        if not isinstance(content[kind], list):
            raise TypeError(f'{kind} must be a list')
    return content


def _faults_of_classes(content: Mapping, dataset: Any,
                       file: _File) -> Iterator[str]:
    """Compare names: of the file's categories, and of ``classes``."""
    names = [x['name'] for x in content['categories']]
    classes = list(dataset.metainfo['classes'])
    own = [x for x in names if x in classes]
    absent = [x for x in classes if x not in names]
    if twice := [x for x, n in Counter(own).items() if n > 1]:
        ids = [x['id'] for x in content['categories'] if x['name'] in twice]
        yield (f'several categories have the name {first_of(twice)} (ids '
               f'{first_of(ids)}): give each another name, or merge them')
    elif absent and (len(own) < len(names) or not own
                     or _TYPES.keys() & file.readers):
        yield (f'{len(absent)} of the {len(classes)} classes are not among '
               f'its categories: {first_of(absent)}; these are '
               f'{first_of(names)}. Name them as metainfo=dict(classes=(...)) '
               'of the data set, and their number as num_classes of the heads')
    elif own != classes:
        for kind in sorted(_TYPES.keys() & file.readers):
            yield (
                f"its categories have the order {first_of(own)}, by which "
                f"mmdet's {kind} numbers them, and metainfo.classes "
                f'{first_of(classes)}. Labels follow the names with '
                f"type='mmconvnextv2.{_TYPES[kind]}'")
    odd = [x['id'] for x in content['annotations']
           if x['id'] == 0 or 'iscrowd' not in x]
    if odd and 'CocoMetric' in file.readers:
        yield (f"mmdet's CocoMetric never finds an annotation with the id 0 "
               f'and needs iscrowd of each: ids {first_of(odd)}. '
               "type='mmconvnextv2.CocoByNameMetric' needs neither")


def faults_of_heads(dataset: Any, cfg: Mapping) -> Iterator[str]:
    """Name heads with fewer outputs than the data set has classes."""
    classes = dataset.metainfo['classes']
    for path, head in parts(cfg.get('model'), 'model'):
        number = head.get('num_classes')
        if re.search(r'(bbox|mask)_head(\[\d+\])?$', path) and isinstance(
                number, int) and number < len(classes):
            yield (f'{path}.num_classes is {number}, and metainfo has '
                   f'{len(classes)} classes: {first_of(classes)}')


def _check_images(dataset: Any, cfg: Mapping, split: str,
                  images: Mapping) -> Iterator[str]:
    folder = dataset.data_prefix.get('img', '')
    files = [x['file_name'] for x in images.values()]
    if missing := missing_files(folder, files):
        yield (f'{len(missing)} of its {len(files)} images are not in '
               f'{folder}: {first_of(missing)}' + (
                   '. Windows separates folders by a backslash: write /'
                   if '\\' in ''.join(missing) else ''))
        return
    yield from check_sizes(folder, [*images.values()], is_turned(cfg, split),
                           split == 'train')


def _other_images(images: Mapping, others: Mapping,
                  dataset: Any) -> Iterator[str]:
    """Compare the images of an evaluation with those of the data set."""
    odd = [f'{x} ({image["file_name"]})' for x, image in images.items()
           if others.get(x, {}).get('file_name') != image['file_name']]
    if odd:
        yield (f'the evaluation reads it, and {len(odd)} of the '
               f'{len(images)} images of {dataset.ann_file} are not in it '
               f'under the same id: {first_of(odd)}')


def _check_objects(content: Mapping, read: Records, dataset: Any,
                   file: _File) -> Iterator[str]:
    classes = dataset.metainfo['classes']
    filters = {} if dataset.test_mode else dataset.filter_cfg or {}
    if not file.is_counted and not content['annotations']:
        return
    found = coco_objects.objects_of(content, read, classes)
    rules = coco_objects.left_out(found, file.use, filters.get('min_size', 0))
    yield from coco_objects.check_boxes(found)
    yield from coco_objects.check_objects(found, file.use, rules, classes)
    yield from coco_objects.images_left_out(found, read.images, filters)
