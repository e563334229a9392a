"""What a config's pipelines do to images: sizes and augmentation."""
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

_CROPS = {
    'RandomResizedCrop': 'scale',
    'EfficientNetRandomCrop': 'scale',
    'RandomCrop': 'crop_size',
    'CenterCrop': 'crop_size',
}
_RESIZES = {
    'Resize': 'scale',
    'ResizeEdge': 'scale',
    'RandomChoiceResize': 'scales',
}


def named(items: Sequence[Mapping], kind: str) -> List[Mapping]:
    """Those of some type, whether or not the type's scope is in front."""
    return [x for x in items if x['type'].rpartition('.')[2] == kind]


def pipeline_of(loader: Optional[Mapping]) -> List[Mapping]:
    """Steps of a data loader's pipelines, those of data set wrappers last.

    Args:
        loader (Mapping, optional): As ``train_dataloader``.

    Returns:
        list[Mapping]: With the alternatives inside ``RandomChoice`` and the
        like one after another, behind it.
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


def augmentation(cfg: Mapping) -> Dict[str, Any]:
    """Sizes of training and evaluation, and random changes of images.

    Args:
        cfg (Mapping): The config, with its bases merged.

    Returns:
        dict: As described in :func:`mmconvnextv2.config.recipe.recipe`.
    """
    train = pipeline_of(cfg.get('train_dataloader'))
    random = named(train, 'RandAugment')
    erasing = named(train, 'RandomErasing')
    return dict(
        rand_augment=dict(
            magnitude=random[0]['magnitude_level'],
            std=random[0].get('magnitude_std', 0.),
            policies=random[0]['num_policies']) if random else None,
        erasing=erasing[0].get('erase_prob', 0.5) if erasing else None,
        jitter=_jitter(train),
        train_size=_size(train),
        **_evaluation(cfg))


def _jitter(steps: Sequence[Mapping]) -> Optional[List[float]]:
    """Least and greatest random factor, of side or of area."""
    for kind, key in (('RandomResize', 'ratio_range'),
                      ('RandomResizedCrop', 'crop_ratio_range')):
        for step in named(steps, kind):
            return list(step.get(key, (0.08, 1.)))
    return None


def _evaluation(cfg: Mapping) -> Dict[str, Any]:
    """Size, share of it that is cropped, and scales of augmented tests."""
    steps = pipeline_of(cfg.get('test_dataloader')
                        or cfg.get('val_dataloader'))
    size = _size(steps)
    edges = named(steps, 'ResizeEdge')
    crops = named(steps, 'CenterCrop')
    ratio = size[0] / edges[0]['scale'] if crops and edges else None
    return dict(
        test_size=size, test_crop_ratio=ratio, tta_scales=_tta_scales(cfg))


def _size(steps: Sequence[Mapping]) -> Optional[List[Any]]:
    """Size that the last crop cuts out, or else of the last resizing.

    Where that chooses among sizes, all of them.
    """
    for keys in (_CROPS, _RESIZES):
        sizes = [
            step[keys[kind]] for step in steps
            if (kind := step['type'].rpartition('.')[2]) in keys
            and keys[kind] in step
        ]
        if sizes:
            size = sizes[-1]
            return [size, size] if isinstance(size, int) else list(size)
    return None


def _tta_scales(cfg: Mapping) -> Optional[List[Any]]:
    """What images are resized to, one after another, with --tta."""
    steps = list(_flat(cfg.get('tta_pipeline') or []))
    scales = [
        step.get('scale_factor', step.get('scale'))
        for step in named(steps, 'Resize')
    ]
    return scales or None
