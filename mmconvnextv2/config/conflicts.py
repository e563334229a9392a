"""Find settings of a config that cannot go together."""
from collections.abc import Iterator, Mapping, Sequence

from .arguments import Mistake
from .walk import part_at, parts, type_name

# Parts of detectors, segmentors and pose estimators, which take maps.
_TAKE_MAPS = ('rpn_head', 'roi_head', 'bbox_head', 'mask_head', 'decode_head',
              'panoptic_head', 'semantic_head')
_POSE = ('TopdownPoseEstimator', 'BottomupPoseEstimator')
# Losses that fail with too few or too many weights, and their keys in heads
# where their inputs are the head's classes.
_WEIGHING = ('CrossEntropyLoss', 'OhemCrossEntropy')
_OF_CLASSES = ('loss', 'loss_cls', 'loss_decode', 'loss_seg')


def conflicts(cfg: Mapping, splits: Sequence[str]) -> Iterator[Mistake]:
    """Find settings that are each possible, but not together."""
    yield from _unused_backends(cfg)
    yield from _unknown_means(cfg)
    yield from _vectors_for_maps(cfg)
    if 'train' in splits:
        yield from _weights_of_other_classes(cfg)
    if not isinstance(cfg.get('load_from'), (str, type(None))):
        yield Mistake('load_from', 'must be a path or an address, got '
                      f'{cfg["load_from"]!r}')
    number = part_at(cfg, 'model', 'head').get('num_classes')
    if not isinstance(number, int) or number < 1:
        return
    for split in splits:
        for path, part in parts(cfg.get(f'{split}_evaluator'),
                                f'{split}_evaluator'):
            topk = part.get('topk')
            largest = max([topk] if isinstance(topk, int) else topk or [0])
            if (type_name(part) == 'Accuracy' and isinstance(largest, int)
                    and largest > number):
                yield Mistake(
                    f'{path}.topk', f'the best {largest} of {number} classes '
                    'cannot be looked for (model.head.num_classes): set '
                    f'topk=(1, ), got {topk}')
    mixing = part_at(cfg, 'model', 'train_cfg').get('augments')
    for key in ('model.data_preprocessor', 'data_preprocessor'):
        mixed = part_at(cfg, *key.split('.')).get('num_classes', number)
        if mixing and 'train' in splits and mixed != number:
            yield Mistake(
                f'{key}.num_classes', f'labels of {mixed} classes are mixed '
                '(model.train_cfg.augments), model.head.num_classes is '
                f'{number}')


def _unknown_means(cfg: Mapping) -> Iterator[Mistake]:
    """Find statistics of images that MMEngine's preprocessor refuses."""
    part = part_at(cfg, 'model', 'data_preprocessor')
    given = len(part.get('mean') or ())
    if given not in (0, 1, 3) and type_name(part) != 'ClsDataPreprocessor':
        yield Mistake(
            'model.data_preprocessor.mean', f'{type_name(part)} normalises '
            f'images of 1 or 3 channels, got {given} values. Set mean and std '
            "to None and bgr_to_rgb to False, and put dict(type='Normalize', "
            'mean=[...], std=[...], to_rgb=False) into the pipelines, before '
            'the last step (docs/your_data.md, "More than 8 bits or 3 '
            'channels")')


def _vectors_for_maps(cfg: Mapping) -> Iterator[Mistake]:
    """Find a classifier's backbone in front of heads that take maps."""
    model, backbone = part_at(cfg, 'model'), part_at(cfg, 'model', 'backbone')
    heads = _TAKE_MAPS + ('head', ) * (type_name(model) in _POSE)
    readers = [f'model.{x}' for x in heads if model.get(x)]
    if readers and type_name(backbone) == 'ConvNeXtV2' and all(
            backbone.get(x, True)
            for x in ('final_norm', 'gap_before_final_norm')):
        yield Mistake(
            'model.backbone.gap_before_final_norm', 'ConvNeXtV2 averages its '
            'outputs over their sites by default, for classifiers: (N, C), '
            f'where {", ".join(readers)} takes maps. Set it to False')


def _weights_of_other_classes(cfg: Mapping) -> Iterator[Mistake]:
    """Find losses that weigh another number of classes than the head has."""
    for path, head in parts(cfg.get('model'), 'model'):
        own, things, stuff = (
            x if isinstance(x := head.get(f'num_{name}classes'), int) else 0
            for name in ('', 'things_', 'stuff_'))
        given = own or things + stuff
        # With the background, or all things, as a class more; or a single
        # output of two.
        possible = (given, given + 1, (stuff or given) + 1,
                    head.get('out_channels'))
        losses = [x for key in _OF_CLASSES * bool(given)
                  for x in parts(head.get(key), f'{path}.{key}')]
        for place, part in losses:
            weights = part.get('class_weight')
            # Where classes are alone, one weight stands for all.
            alone = any(part.get(f'use_{x}') for x in ('sigmoid', 'soft'))
            if (type_name(part) in _WEIGHING
                    and isinstance(weights, (list, tuple))
                    and len(weights) not in possible + (1, ) * alone):
                yield Mistake(
                    f'{place}.class_weight', f'{len(weights)} weights for '
                    f'{given} classes of {path}: give one for each, or set '
                    'it to None')


def _unused_backends(cfg: Mapping) -> Iterator[Mistake]:
    """Find backends that a child config names where nothing reads them."""
    used = part_at(cfg, 'visualizer').get('vis_backends') or []
    names = {type_name(x) for x in used}
    for backend in cfg.get('vis_backends') or ():
        name = type_name(backend)
        if 'visualizer' in cfg and name not in {'LocalVisBackend', *names}:
            yield Mistake(
                'vis_backends', f'{name} has no effect: the base has made '
                'visualizer.vis_backends of its own list before. Set '
                f'visualizer=dict(vis_backends=[dict(type={name!r}, ...)])')
    for number, backend in enumerate(used):
        uri = isinstance(backend, Mapping) and backend.get('tracking_uri')
        if (type_name(backend) == 'MLflowVisBackend'
                and str(uri or 'file:').startswith('file:')
                and _refuses_files()):
            yield Mistake(
                f'visualizer.vis_backends[{number}].tracking_uri',
                'this MLflow keeps no records in a folder, which is the '
                "default: set it to a database, such as 'sqlite:///mlflow.db'"
                ', or to the address of a server (or the environment variable '
                'MLFLOW_ALLOW_FILE_STORE=true)')


def _refuses_files() -> bool:
    try:
        from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE
    except ImportError:  # older, or not installed: the run will say so
        return False
    return not MLFLOW_ALLOW_FILE_STORE.get()
