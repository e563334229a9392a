"""Write docs/which_recipe.md's table: every recipe, from the metafiles."""
import sys
from pathlib import Path
from typing import List, Optional

from generated import Section
from metafile_schema import start_of
from model_zoo import HEADLINE, Model, load_zoo, result_rows

from mmconvnextv2.text import markdown_table

ROOT = Path(__file__).resolve().parents[1]
SECTION = Section('docs/which_recipe.md', '<!-- recipes -->',
                  '<!-- end of recipes -->')
# By the beginning of a name; the first that fits.
_TASKS = {
    'fcmae_': 'pre-training',
    'cascade_maskrcnn_': 'instance segmentation, Cascade Mask R-CNN',
    'maskrcnn_': 'instance segmentation, Mask R-CNN',
    'fasterrcnn_': 'detection, Faster R-CNN',
    'upernet_': 'semantic segmentation, UperNet',
    '': 'classification',
}


def recipes() -> List[Model]:
    """Models whose configs lie in configs/ itself, by task."""
    found = [x for family in load_zoo(ROOT) for x in family.models
             if x['Config'] == f"configs/{x['Name']}.py"]
    return sorted(found, key=lambda x: list(_TASKS.values()).index(task(x)))


def task(model: Model) -> str:
    """Say what a model is for."""
    return next(x for part, x in _TASKS.items()
                if model['Name'].startswith(part))


def expected(model: Model) -> str:
    """Figures of the first source, and whose they are."""
    rows = result_rows(model)
    if not rows:
        return '-'
    (source, own), figures = next(iter(rows.items()))
    shown = [f'{figures[x]:.1f}' for x in HEADLINE if x in figures]
    return f"{' / '.join(shown)} ({'ours' if own else source})"


def table() -> str:
    """The table in Markdown."""
    lines, last = [], None
    for model in recipes():
        name, metadata = model['Name'], model['Metadata']
        data = metadata['Training Data']
        tool = ('python tools/train.py {}' if name.endswith('_shapes') else
                'bash tools/dist_train.sh {} 8').format(name)
        lines.append([
            task(model) if task(model) != last else '',
            ', '.join(data) if isinstance(data, list) else data,
            metadata['Architecture'][0],
            metadata['Image Size'],
            start_of(metadata['Initial Weights']),
            expected(model), f'`{tool}`'])
        last = task(model)
    header = ['task', 'data', 'model', 'test size', 'start', 'expected',
              'command']
    return f'\n{markdown_table(header, lines)}\n'


def main(argv: Optional[List[str]] = None) -> int:
    """Write the table, or check it."""
    return SECTION.main('which_recipe.py', ROOT, table, argv)


if __name__ == '__main__':
    sys.exit(main())
