"""COCO's format read by name: labels follow ``classes``; needs mmdet."""
import itertools
from typing import Any, Sequence

from mmengine.logging import print_log

from mmconvnextv2.registry import DATASETS, METRICS, absent, register

try:
    from mmdet.datasets import CocoDataset
    from mmdet.datasets.api_wrappers import COCO
    from mmdet.evaluation import CocoMetric
except ModuleNotFoundError as error:
    if error.name != 'mmdet':
        raise
    CocoDataset = COCO = CocoMetric = absent('mmdet')


def ids_by_name(coco: COCO, classes: Sequence[str]) -> list[Any]:
    """Find the category of each class.

    Args:
        coco (COCO): An annotation file. Classes that it lacks are added to
            its categories.
        classes (Sequence[str]): The classes, in the order of their labels.

    Returns:
        list: Ids of categories, one for each class, in their order.
    """
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
