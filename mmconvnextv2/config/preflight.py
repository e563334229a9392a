"""Check, before anything is built, that the files a config names exist."""
import os.path as osp
import re
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from .walk import SPLITS, parts, type_name

# Data sets of mmpretrain that download themselves.
_DOWNLOADING = ('CIFAR10', 'CIFAR100', 'MNIST', 'FashionMNIST')


class MissingPath(NamedTuple):
    """Path of a file or folder that a config names and that does not exist.
    """

    path: str  # as the data set would open it
    keys: tuple[str, ...]  # of the config that name it
    dataset: Mapping = {}  # its config; empty for other files


def missing_data(cfg: Mapping, splits: Sequence[str] = SPLITS,
                 initial_weights: bool = True) -> list[MissingPath]:
    """List each local file or folder that a config names and that misses.

    Paths are joined with ``data_root`` as data sets do. URLs and other storage
    are not checked, checkpoints in ``init_cfg`` with ``initial_weights``.
    """
    missing: dict[str, MissingPath] = {}
    for item in _named_paths(cfg, splits, initial_weights):
        if item.path and '://' not in item.path and not osp.exists(item.path):
            path = osp.normpath(item.path)
            first = missing.get(path, item._replace(keys=()))
            missing[path] = first._replace(keys=first.keys + item.keys)
    return list(missing.values())


def leaf_datasets(cfg: Mapping, split: str) -> Iterator[tuple[str, Mapping]]:
    """Yield key and config of each data set of a split that wraps no other."""
    loader = f'{split}_dataloader'
    for key, part in parts(cfg.get(loader), loader):
        is_wrapper = 'dataset' in part or 'datasets' in part
        if re.search(r'\.datasets?(\[\d+\])*$', key) and not is_wrapper:
            yield key, part


def steps_of(cfg: Mapping, split: str, kind: str) -> list[Mapping]:
    """List the steps of a type in the pipelines of a split."""
    return [x for _, x in parts(cfg.get(f'{split}_dataloader'))
            if type_name(x) == kind]


def is_local(part: Mapping) -> bool:
    """Say whether a data set or an evaluator reads files of this machine."""
    return (part.get('backend_args') or {}).get('backend', 'local') == 'local'


def _named_paths(cfg: Mapping, splits: Sequence[str],
                 initial_weights: bool) -> Iterator[MissingPath]:
    for split in splits:
        for key, dataset in leaf_datasets(cfg, split):
            root = str(dataset.get('data_root') or '')
            for name, path in _paths_of(dataset).items():
                yield MissingPath(
                    osp.join(root, path), (f'{key}.{name}', ), dataset)
    named = [(f'{split}_evaluator', x) for split in splits
             for x in ('ann_file', 'seg_prefix')]
    if initial_weights:
        named += [('model', 'pretrained'), ('model', 'checkpoint')]
    if isinstance(cfg.get('load_from'), str):
        yield MissingPath(cfg['load_from'], ('load_from', ))
    for section, name in named:
        for key, part in parts(cfg.get(section), section):
            # Only Pretrained reads a checkpoint.
            if isinstance(part.get(name), str) and is_local(part) and (
                    name != 'checkpoint' or type_name(part) == 'Pretrained'):
                yield MissingPath(part[name], (f'{key}.{name}', ))


def _paths_of(dataset: Mapping) -> dict[str, str]:
    """Map the keys of a data set that name a file or folder to the names."""
    kind = type_name(dataset)
    if not is_local(dataset) or (kind in _DOWNLOADING
                                 and dataset.get('download', True)):
        return {}
    prefix = dataset.get('data_prefix') or {}
    named: dict[str, Any] = {'ann_file': dataset.get('ann_file') or None}
    if isinstance(prefix, Mapping):
        named.update({f'data_prefix.{k}': v for k, v in prefix.items()})
    else:
        named['data_prefix'] = prefix
    if not prefix and kind.startswith('ImageNet'):
        named['split'] = dataset.get('split')
    found = {k: v for k, v in named.items() if isinstance(v, str)}
    return found or ({'data_root': ''} if dataset.get('data_root') else {})
