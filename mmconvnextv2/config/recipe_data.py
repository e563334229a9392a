"""Settings of a config, and what its pipelines do to images."""
import inspect
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mmengine.registry import TRANSFORMS, Registry

from .arguments import arguments_of, find_type
from .walk import type_name


def setting(registry: Registry, part: Mapping, key: str) -> Any:
    """Read a setting of a part of a config, or its type's default, or None.
    """
    kind = part.get('type')
    if key in part or kind is None:
        return part.get(key)
    kind, _ = find_type(registry, kind)
    known, _ = arguments_of(kind) if inspect.isclass(kind) else ({}, True)
    default = getattr(known.get(key), 'default', None)
    return None if default is inspect.Parameter.empty else default


def named(items: Sequence[Mapping], kind: str) -> list[Mapping]:
    """Pick the parts of a type, whatever the scope in front of it."""
    return [x for x in items if type_name(x) == kind]


def pipeline_of(loader: Mapping | None) -> list[Mapping]:
    """List the steps of a data loader's pipelines, those of wrappers last.

    Alternatives, such as those of ``RandomChoice``, follow it.
    """
    dataset, steps = (loader or {}).get('dataset') or {}, []
    while dataset:
        steps = [*_flat(dataset.get('pipeline') or []), *steps]
        dataset = dataset.get('dataset')
    return steps


def _flat(steps: Sequence[Any]) -> Iterator[Mapping]:
    for step in steps:
        if isinstance(step, (list, tuple)):
            yield from _flat(step)
        else:
            yield step
            yield from _flat(step.get('transforms') or [])


def augmentation(cfg: Mapping) -> dict[str, Any]:
    """Read the sizes in training and evaluation, and the random changes."""
    train = pipeline_of(cfg.get('train_dataloader'))
    test = pipeline_of(cfg.get('test_dataloader') or cfg.get('val_dataloader'))
    tta = named(list(_flat(cfg.get('tta_pipeline') or [])), 'Resize')
    size, edges = _size(test), named(test, 'ResizeEdge')
    rand_augment = erasing = jitter = None
    for step in train:
        kind, read = type_name(step), partial(setting, TRANSFORMS, step)
        if kind == 'RandAugment':
            rand_augment = dict(
                magnitude=step['magnitude_level'], std=read('magnitude_std'),
                policies=step['num_policies'])
        elif kind == 'RandomErasing':
            erasing = read('erase_prob')
        elif kind == 'RandomResize':
            jitter = read('ratio_range')
        elif kind == 'RandomResizedCrop':
            jitter = read('crop_ratio_range')
    return dict(
        rand_augment=rand_augment, erasing=erasing,
        jitter=jitter and list(jitter),  # of a side, or of the area
        train_size=_size(train), test_size=size,
        test_crop_ratio=size[0] / edges[0]['scale']
        if edges and named(test, 'CenterCrop') else None,
        tta_scales=[x.get('scale_factor', x.get('scale')) for x in tta]
        or None)


def _size(steps: Sequence[Mapping]) -> list[Any] | None:
    """Read the size of the last crop, or else those of resizing."""
    sizes: dict[bool, Any] = {}
    for step in steps:
        for key in ('crop_size', 'scales', 'scale'):
            if key in step:
                sizes[type_name(step).endswith('Crop')] = step[key]
    size = sizes.get(True, sizes.get(False))
    return [size, size] if isinstance(size, int) else size and list(size)
