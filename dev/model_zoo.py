"""Read the model zoo's metafiles, and make Markdown tables of them."""
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import yaml
from generated import Section
from metafile_schema import METRICS, start_of

from mmconvnextv2.text import markdown_table

INDEX = 'model-index.yml'
# Metrics that a summary shows, and short names of some.
HEADLINE = ('Top 1 Accuracy', 'box AP', 'mask AP', 'mIoU(ms+flip)')
_SHORT = {
    'Top 1 Accuracy': 'top-1',
    'Top 5 Accuracy': 'top-5',
    'mIoU(ms)': 'mIoU, multi-scale',
    'mIoU(ms+flip)': 'mIoU, multi-scale and flip',
}
# Title of a column: names of configs, '{}' for the size.
_COLUMNS = {
    'FCMAE': ('fcmae_convnextv2_{}_1600e_in1k', ),
    'IN-1K': ('convnextv2_{}_ft_in1k', ),
    'IN-22K, then IN-1K at 224 / 384 / 512': (
        'convnextv2_{}_ft_in22k_in1k',
        'convnextv2_{}_ft_in22k_in1k_384',
        'convnextv2_{}_ft_in22k_in1k_512',
    ),
    'Mask R-CNN': ('maskrcnn_convnextv2_{}_coco', ),
    'Cascade Mask R-CNN': ('cascade_maskrcnn_convnextv2_{}_coco', ),
    'UperNet at 512 / 640': (
        'upernet_convnextv2_{}_ade20k',
        'upernet_convnextv2_{}_640_ade20k',
    ),
}
Model = Dict[str, Any]


class Family(NamedTuple):
    """A metafile: its path from the root, its collections and models."""

    file: str
    collections: List[Dict[str, Any]]
    models: List[Model]


def load_zoo(root: Path) -> List[Family]:
    """Read all metafiles that the index imports.

    Args:
        root (Path): Folder of model-index.yml.

    Returns:
        list[Family]: The metafiles in the index's order.

    Raises:
        FileNotFoundError: If the index, or a file that it imports, is missing.
        ValueError: If a file does not have the form of an index or metafile.
    """
    files = _read(root / INDEX, 'Import')[0]
    return [Family(x, *_read(root / x, 'Collections', 'Models'))
            for x in map(str, files)]


def _read(path: Path, *keys: str) -> List[List[Any]]:
    try:
        found = yaml.safe_load(path.read_text())
        parts = [found[key] for key in keys]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise ValueError(f'{path} must be YAML with the keys {keys}: '
                         f'{error!r}') from error
    kind = str if path.name == INDEX else dict
    if not all(isinstance(part, list) and part
               and all(isinstance(x, kind) for x in part) for part in parts):
        raise ValueError(f'{path}: {" and ".join(keys)} must be a list of '
                         f'{"files" if kind is str else "mappings"}')
    return parts


def result_rows(model: Model) -> Dict[Tuple[str, bool], Dict[str, float]]:
    """Merge a model's metrics of the same source.

    Returns:
        dict: Metrics by source, with the protocol if it is given, and whether
        we reproduced them.
    """
    rows: Dict[Tuple[str, bool], Dict[str, float]] = {}
    for result in model.get('Results', ()):
        source = result['Source']
        if 'Protocol' in result:
            source += f": {result['Protocol']}"
        key = source, result['Reproduced']
        rows.setdefault(key, {}).update(result['Metrics'])
    return rows


def family_table(family: Family) -> str:
    """Tabulate a metafile for docs/: a row for each model and source."""
    metrics = [name for name in METRICS if any(
        name in x for m in family.models for x in result_rows(m).values())]
    header = [
        'config', 'parameters', 'multiply-adds', 'trained on', 'length',
        'batch', 'start', *(_SHORT.get(x, x) for x in metrics),
        *(['source', 'reproduced by us'] if metrics else []), 'weights'
    ]
    lines = []
    for model in family.models:
        first, last = _description(model), _weights(model)
        rows = result_rows(model) or {('none', None): {}}
        for (source, own), found in rows.items():
            own_word = '-' if own is None else 'yes' if own else 'no'
            lines.append([
                *first, *(found.get(name, '-') for name in metrics),
                *([source, own_word] if metrics else []), last
            ])
            first, last = [''] * len(first), ''
    return markdown_table(header, lines)


def summary_table(zoo: List[Family]) -> str:
    """Tabulate configs by size and task, with the first source's figures."""
    models = {x['Name']: x for family in zoo for x in family.models}
    lines = []
    for size in 'afpntblh':
        classifier = models.get(f'convnextv2_{size}_ft_in1k')
        if classifier is None:
            continue
        cells = [' / '.join(_headline(models.get(name.format(size)))
                            for name in names) for names in _COLUMNS.values()]
        metadata = classifier['Metadata']
        lines.append([metadata['Architecture'][0].rpartition('-')[2],
                      f"{metadata['Parameters'] / 1e6:.1f}M", *cells])
    return markdown_table(['size', 'parameters', *_COLUMNS], lines)


def tables(zoo: List[Family]) -> List[Tuple[Section, str]]:
    """Make all tables, each with the section of a document that it is in."""
    made = [('README.md', 'model zoo', summary_table(zoo))]
    for family in zoo:
        made.append(('docs/model_zoo.md',
                     f'model zoo: {Path(family.file).stem}',
                     family_table(family)))
    return [(Section(file, f'<!-- {marker} -->', f'<!-- end of {marker} -->'),
             f'\n{table}\n') for file, marker, table in made]


def _description(model: Model) -> List[str]:
    metadata = model['Metadata']
    data = metadata['Training Data']
    length = (f"{metadata['Epochs']} epochs" if 'Epochs' in metadata else
              f"{metadata['Iterations']} iterations")
    return [
        f"[{model['Name']}](../{model['Config']})",
        f"{metadata['Parameters'] / 1e6:.1f}M",
        f"{metadata['FLOPs'] / 1e9:.4g}G at {metadata['Image Size']}",
        ', '.join(data) if isinstance(data, list) else data, length,
        metadata['Batch Size'], start_of(metadata['Initial Weights'])
    ]


def _weights(model: Model) -> str:
    converted = model.get('Converted From', {}).get('Weights')
    links = {'OpenMMLab': model.get('Weights'),
             'authors': model.get('Official Weights') or converted}
    return ', '.join(f'[{name}]({url})'
                     for name, url in links.items() if url) or '-'


def _headline(model: Model) -> str:
    if model is None:
        return '-'
    figures = next(iter(result_rows(model).values()), {})
    found = [f'{figures[name]:.1f}' for name in HEADLINE if name in figures]
    return f"[{', '.join(found) or 'recipe'}]({model['Config']})"
