"""Write docs/paper.md's table: what runs each row of the paper.

The rows are in dev/paper_rows.yml, the figures of leaves in their metafiles.
"""
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import yaml
from generated import Section
from model_zoo import Model, load_zoo, result_rows

from mmconvnextv2.text import markdown_table

ROOT = Path(__file__).resolve().parents[1]
SECTION = Section('docs/paper.md', '<!-- rows of the paper -->',
                  '<!-- end of rows of the paper -->')
_METRICS = ('Top 1 Accuracy', 'box AP', 'mask AP', 'mIoU(ms+flip)')


class Row(NamedTuple):
    """A row of the paper."""

    where: str
    what: str
    figure: str
    leaf: Optional[str]  # that runs it
    options: List[str]  # of --cfg-options
    answer: str  # if no leaf does


def figure_of(model: Model) -> str:
    """What the paper prints of a model: the first source's figures."""
    found = next(iter(result_rows(model).values()))
    return ' / '.join(f'{found[x]:.1f}' for x in _METRICS if x in found)


def rows() -> List[Row]:
    """Read all rows.

    Raises:
        KeyError: If one has neither a figure nor a leaf that has one.
    """
    models = models_by_name()
    found = []
    for where, what, *rest in yaml.safe_load(
            (ROOT / 'dev/paper_rows.yml').read_text()):
        figure, answer = rest if len(rest) == 2 else (None, rest[0])
        name, *options = answer.split()
        leaf = name if name in models else None
        figure = figure_of(models[name]) if figure is None else figure
        found.append(Row(where, what, str(figure), leaf,
                         options if leaf else [], answer))
    return found


def models_by_name() -> Dict[str, Model]:
    """All models of the zoo."""
    return {x['Name']: x for family in load_zoo(ROOT) for x in family.models}


def table() -> str:
    """The table in Markdown."""
    models, lines, last = models_by_name(), [], None
    for row in rows():
        answer = row.answer
        if row.leaf:
            answer = f"[{row.leaf}](../{models[row.leaf]['Config']})"
            if row.options:
                answer += f" `--cfg-options {' '.join(row.options)}`"
        lines.append([row.where if row.where != last else '', row.what,
                      row.figure, answer])
        last = row.where
    return f"\n{markdown_table(['', 'row', 'published', 'run'], lines)}\n"


def main(argv: Optional[List[str]] = None) -> int:
    """Write the table, or check it."""
    return SECTION.main('paper_table.py', ROOT, table, argv)


if __name__ == '__main__':
    sys.exit(main())
