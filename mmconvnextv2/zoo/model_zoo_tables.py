"""Markdown tables of the model zoo."""
from typing import Any, Dict, List, Tuple

from .model_zoo import Entry, Family, entries
from .model_zoo_fields import METRICS, start_of

# Metrics that a summary shows, and how tables call the longer ones.
_HEADLINE = ('Top 1 Accuracy', 'box AP', 'mask AP', 'mIoU(ms)')
_SHORT = {
    'Top 1 Accuracy': 'top-1',
    'Top 5 Accuracy': 'top-5',
    'mIoU(ms)': 'mIoU, multi-scale',
    'mIoU(ms+flip)': 'mIoU, multi-scale and flip',
}
_SIZES = ('a', 'f', 'p', 'n', 't', 'b', 'l', 'h')
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
# Metrics of one source, and whether we reproduced them.
Row = Tuple[str, bool, Dict[str, float]]


def result_rows(entry: Entry) -> List[Row]:
    """Results of a model with those of the same source in one row."""
    rows: Dict[Tuple[str, bool], Dict[str, float]] = {}
    for result in entry.data.get('Results') or []:
        key = (result['Source'], result['Reproduced'])
        rows.setdefault(key, {}).update(result['Metrics'])
    return [(source, own, metrics) for (source, own), metrics in rows.items()]


def family_table(family: Family, prefix: str = '../') -> str:
    """A row for each model and source of results.

    Args:
        family (Family): The models.
        prefix (str): What leads from the table's folder to the root.

    Returns:
        str: The table in Markdown.
    """
    reported = {
        name
        for entry in family.entries for _, _, found in result_rows(entry)
        for name in found
    }
    metrics = [name for name in METRICS if name in reported]
    lines = [[
        'config', 'parameters', 'multiply-adds', 'trained on', 'length',
        'batch', 'start', *(_SHORT.get(x, x) for x in metrics),
        *(['source', 'reproduced by us'] if metrics else []), 'weights'
    ]]
    lines.append(['---'] * len(lines[0]))
    for entry in family.entries:
        lines += _entry_rows(entry, metrics, prefix)
    return _markdown(lines)


def summary_table(zoo: List[Family]) -> str:
    """Configs by size and task, each with its headline figure.

    The figures are those of the first source of a model; 'recipe' links a
    config without any.
    """
    named = {entry.name: entry for entry in entries(zoo)}
    lines = [['size', 'parameters', *_COLUMNS]]
    lines.append(['---'] * len(lines[0]))
    for size in _SIZES:
        classifier = named.get(f'convnextv2_{size}_ft_in1k')
        if classifier is None:
            continue
        metadata = classifier.data['Metadata']
        cells = [[
            _headline(named[name]) if name in named else '-'
            for name in (pattern.format(size) for pattern in patterns)
        ] for patterns in _COLUMNS.values()]
        lines.append([
            metadata['Architecture'][0].rpartition('-')[2],
            _millions(metadata['Parameters']), *map(' / '.join, cells)
        ])
    return _markdown(lines)


def tables(zoo: List[Family]) -> Dict[str, Dict[str, str]]:
    """All tables, by their file and the marker that they stand behind."""
    in_docs = {f'model zoo: {x.name}': family_table(x) for x in zoo}
    return {
        'README.md': {
            'model zoo': summary_table(zoo)
        },
        'docs/model_zoo.md': in_docs
    }


def _entry_rows(entry: Entry, metrics: List[str],
                prefix: str) -> List[List[str]]:
    first = _description(entry, prefix)
    lines = []
    for source, own, found in result_rows(entry) or [('', False, {})]:
        own_word = ('yes' if own else 'no') if source else '-'
        lines.append([
            *(first if not lines else [''] * len(first)),
            *(str(found.get(name, '-')) for name in metrics),
            *([source or 'none', own_word] if metrics else []),
            '' if lines else _weights(entry)
        ])
    return lines


def _description(entry: Entry, prefix: str) -> List[str]:
    metadata = entry.data['Metadata']
    data = metadata['Training Data']
    length = (f"{metadata['Epochs']} epochs" if 'Epochs' in metadata else
              f"{metadata['Iterations']} iterations")
    return [
        f"[{entry.name}]({prefix}{entry.data['Config']})",
        _millions(metadata['Parameters']),
        f"{metadata['FLOPs'] / 1e9:.4g}G at {metadata['Image Size']}",
        ', '.join(data) if isinstance(data, list) else data, length,
        str(metadata['Batch Size']),
        start_of(metadata['Initial Weights'])
    ]


def _weights(entry: Entry) -> str:
    links = {
        'OpenMMLab': entry.data.get('Weights'),
        'authors': entry.data.get('Official Weights') or
        (entry.data.get('Converted From') or {}).get('Weights')
    }
    return ', '.join(f'[{name}]({url})'
                     for name, url in links.items() if url) or '-'


def _headline(entry: Entry) -> str:
    rows = result_rows(entry)
    figures: Dict[str, Any] = rows[0][2] if rows else {}
    found = [f'{figures[name]:.1f}' for name in _HEADLINE if name in figures]
    return f"[{', '.join(found) or 'recipe'}]({entry.data['Config']})"


def _millions(number: int) -> str:
    return f'{number / 1e6:.1f}M'


def _markdown(lines: List[List[str]]) -> str:
    return '\n'.join(f"| {' | '.join(line)} |" for line in lines)
