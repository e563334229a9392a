"""Names and colours of the classes that a model distinguishes."""
from typing import Any, Dict, Mapping, Sequence

from mmengine.registry import DATASETS

from mmconvnextv2.text import first_of


def find_classes(cfg: Mapping, meta: Mapping) -> Dict[str, Any]:
    """Find the classes in a checkpoint or else in a config.

    OpenMMLab's inferencers assume COCO or Cityscapes for a checkpoint that
    names no classes, such as a converted one.

    Args:
        cfg (Mapping): The config.
        meta (Mapping): ``meta`` of the checkpoint.

    Returns:
        dict: ``classes``, a tuple of names, and ``palette``, their RGB
        colours, which may be missing. Empty if nothing is known.
    """
    # Before OpenMMLab 2.0, CLASSES and PALETTE stood in meta itself.
    given = meta.get('dataset_meta') or meta
    found = {**_of_dataset(cfg), **{k.lower(): v for k, v in given.items()}}
    classes, palette = found.get('classes'), found.get('palette')
    if not isinstance(classes, Sequence):
        return {}
    classes = (classes, ) if isinstance(classes, str) else tuple(classes)
    # mmdet takes the word 'random' too.
    if (isinstance(palette, str) or not isinstance(palette, Sequence)
            or len(palette) < len(classes)):
        return dict(classes=classes)
    return dict(classes=classes,
                palette=[tuple(x) for x in palette[:len(classes)]])


def contradiction(cfg: Mapping, meta: Mapping) -> str:
    """Say how the names of a checkpoint and of a config differ, '' if not."""
    own = find_classes(cfg, {}).get('classes')
    saved = find_classes({}, meta).get('classes')
    if not own or not saved or own == saved:
        return ''
    return (f'The checkpoint names its classes {first_of(saved)}, and the '
            f'config {first_of(own)}. The names of the checkpoint are used.')


def _of_dataset(cfg: Mapping) -> Dict[str, Any]:
    """Read what the config's test data set declares."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    if 'type' not in dataset:
        return {}
    with DATASETS.switch_scope_and_registry(
            cfg.get('default_scope')) as registry:
        declared = getattr(registry.get(dataset['type']), 'METAINFO', {})
    return {**declared, **(dataset.get('metainfo') or {})}
