"""COCO's format read by name: labels follow ``classes``; needs mmdet."""
import itertools
from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log

from mmconvnextv2.registry import DATASETS, METRICS, absent, register
from .reading import collector_off, read_json

try:
    from mmdet.datasets import CocoDataset
    from mmdet.datasets.api_wrappers import COCO
    from mmdet.evaluation import CocoMetric
except ModuleNotFoundError as error:
    if error.name != 'mmdet':
        raise
    CocoDataset = COCO = CocoMetric = absent('mmdet')


def ids_by_name(coco: COCO, classes: Sequence[str]) -> list[Any]:
    """Find the category of each class; classes that a file lacks are added."""
    categories = coco.dataset['categories']
    free = (x for x in itertools.count(1) if x not in coco.cats)
    ids = {x['name']: x['id'] for x in categories}
    for name in classes:
        if name not in ids:
            added = dict(id=next(free), name=name)
            categories.append(added)
            coco.cats[added['id']] = added
            ids[name] = added['id']
    return [ids[x] for x in classes]


class _CocoByName(COCO):
    """A file whose categories are asked for by name only."""

    def __init__(self, annotation_file: str) -> None:
        super().__init__()
        self.dataset = read_json(annotation_file)
        self.createIndex()
        self.img_ann_map, self.cat_img_map = self.imgToAnns, self.catToImgs

    def get_cat_ids(self, cat_names: Sequence[str]) -> list[Any]:
        return ids_by_name(self, cat_names)


@register(DATASETS)
class CocoByNameDataset(CocoDataset):
    """mmdet's ``CocoDataset``, whose labels follow the names of the classes.

    mmdet numbers the classes in the order of the file's ``categories``, so
    that a file with another order has other labels. Here label i is
    ``metainfo['classes'][i]`` in every file. A file may lack classes. The
    arguments are those of ``CocoDataset``.
    """

    COCOAPI = _CocoByName

    def load_data_list(self) -> list[dict]:
        """List the images and their objects; see ``CocoDataset``."""
        with collector_off():
            return super().load_data_list()


@register(METRICS)
class CocoByNameMetric(CocoMetric):
    """mmdet's ``CocoMetric`` for the labels of ``CocoByNameDataset``.

    In memory, annotations get new ids from 1 where one is 0, which COCO's
    evaluation never counts as found, and ``iscrowd=0`` where they have none.
    The arguments are those of ``CocoMetric``.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics of all images; see ``CocoMetric``."""
        coco = self._coco_api
        if coco is not None and self.cat_ids is None:
            self.cat_ids = ids_by_name(coco, self.dataset_meta['classes'])
            annotations = coco.dataset.get('annotations', [])
            if any(x['id'] == 0 for x in annotations):
                print_log('Annotations are numbered anew for the evaluation, '
                          'which would never find the one with the id 0.',
                          'current')
                for i, annotation in enumerate(annotations, 1):
                    annotation['id'] = i
            for annotation in annotations:
                annotation.setdefault('iscrowd', 0)
            coco.createIndex()
        return super().compute_metrics(results)
