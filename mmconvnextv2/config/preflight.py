"""Check, before anything is built, that the files a config names exist.

A missing file otherwise shows as a traceback, often minutes later and once per
process.
"""
import os.path as osp
import re
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
)

from .walk import SPLITS, parts, type_name

# Keys of an evaluator that name what it compares with.
_EVALUATOR_PATHS = ('ann_file', 'seg_prefix')
# Data sets of mmpretrain that download themselves.
_DOWNLOADING = ('CIFAR10', 'CIFAR100', 'MNIST', 'FashionMNIST')


class MissingPath(NamedTuple):
    """Path of a file or folder that a config names and that does not exist.

    Attributes:
        path (str): The path, as the data set would open it.
        keys (tuple[str]): Keys of the config that name it.
        dataset (Mapping): Config of the data set, or empty for other files.
    """

    path: str
    keys: Tuple[str, ...]
    dataset: Mapping = {}


def missing_data(cfg: Mapping,
                 splits: Sequence[str] = SPLITS,
                 initial_weights: bool = True) -> List[MissingPath]:
    """List the local files and folders that a config names and that miss.

    Paths are joined with ``data_root`` as data sets do, and looked for inside
    data set wrappers. URLs and other storage backends are not checked.

    Args:
        cfg (Mapping): The config.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' that will
            be used. Defaults to all.
        initial_weights (bool): Whether the model will be initialised, so that
            the checkpoints in ``init_cfg`` count. Defaults to True.

    Returns:
        list[MissingPath]: Each path once, in the order of the config.
    """
    named = [x for split in splits for x in _data_paths(cfg, split)]
    named += [x for split in splits for x in _evaluator_paths(cfg, split)]
    named += _weights(cfg, 'model' if initial_weights else '')
    missing: Dict[str, MissingPath] = {}
    for item in named:
        if item.path and '://' not in item.path and not osp.exists(item.path):
            path = osp.normpath(item.path)
            first = missing.get(path, item._replace(keys=()))
            missing[path] = first._replace(keys=first.keys + item.keys)
    return list(missing.values())


def leaf_datasets(cfg: Mapping, split: str) -> Iterator[Tuple[str, Mapping]]:
    """Yield key and config of each data set of a split that wraps no other."""
    loader = f'{split}_dataloader'
    for key, part in parts(cfg.get(loader), loader):
        is_wrapper = 'dataset' in part or 'datasets' in part
        if re.search(r'\.datasets?(\[\d+\])*$', key) and not is_wrapper:
            yield key, part


def is_local(part: Mapping) -> bool:
    """Say whether a data set or an evaluator reads files of this machine."""
    return (part.get('backend_args') or {}).get('backend', 'local') == 'local'


def _data_paths(cfg: Mapping, split: str) -> Iterator[MissingPath]:
    for key, dataset in leaf_datasets(cfg, split):
        downloads = type_name(dataset) in _DOWNLOADING and dataset.get(
            'download', True)
        root = str(dataset.get('data_root') or '')
        for name, value in _named_by(dataset).items():
            if is_local(dataset) and not downloads:
                yield MissingPath(
                    osp.join(root, value), (f'{key}.{name}', ), dataset)


def _named_by(dataset: Mapping) -> Dict[str, str]:
    """Map the keys of a data set that name a file or folder to the names."""
    prefix = dataset.get('data_prefix') or {}
    named: Dict[str, Any] = {'ann_file': dataset.get('ann_file') or None}
    if isinstance(prefix, str):
        named['data_prefix'] = prefix
    elif isinstance(prefix, Mapping):  # Building the data set refuses others.
        named.update({f'data_prefix.{k}': v for k, v in prefix.items()})
    if not prefix and type_name(dataset).startswith('ImageNet'):
        named['split'] = dataset.get('split')
    found = {k: v for k, v in named.items() if isinstance(v, str)}
    return found or ({'data_root': ''} if dataset.get('data_root') else {})


def _evaluator_paths(cfg: Mapping, split: str) -> Iterator[MissingPath]:
    evaluator = f'{split}_evaluator'
    for key, part in parts(cfg.get(evaluator), evaluator):
        for name in _EVALUATOR_PATHS:
            if isinstance(part.get(name), str) and is_local(part):
                yield MissingPath(part[name], (f'{key}.{name}', ))


def _weights(cfg: Mapping, model: str) -> Iterator[MissingPath]:
    """Yield load_from and the checkpoints of init_cfg and ``pretrained``."""
    if isinstance(cfg.get('load_from'), str):
        yield MissingPath(cfg['load_from'], ('load_from', ))
    for key, part in parts(cfg.get(model), model):
        is_pretrained = type_name(part) == 'Pretrained'
        for name in ('pretrained', *['checkpoint'] * is_pretrained):
            if isinstance(part.get(name), str):
                yield MissingPath(part[name], (f'{key}.{name}', ))
