"""Write the table of tested versions into README.md, from what CI installs.

The versions are the pins in requirements/, a file for each stack; those that
the package accepts are the bounds in mmconvnextv2/version.py. `--check`
changes nothing and fails where the table is not up to date.
"""
import ast
import sys
from typing import Dict, List, Optional

from generated import Section
from setup_env import DEFAULT_STACK, REQUIREMENTS, ROOT, stacks

SECTION = Section('README.md',
                  '<!-- versions: written by dev/versions_table.py -->',
                  '<!-- end of versions -->')
# What CI runs on a stack; `.ci/run` says it.
_TESTED = {True: 'all tests', False: 'cross-package tests'}
# Import name: names of the distributions that have it.
_ROWS = {
    'torch': ('torch', ),
    'torchvision': ('torchvision', ),
    'numpy': ('numpy', ),
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
    'mmpretrain': ('onedl-mmpretrain', 'mmpretrain'),
    'mim': ('onedl-mim', 'openmim'),
}


def pins(stack: str) -> Dict[str, str]:
    """Distributions and versions that the set-up of a stack installs."""
    found = {}
    for name in ('torch', 'torchvision', 'common', stack):
        for line in (REQUIREMENTS / f'{name}.txt').read_text().splitlines():
            if line and not line.startswith('#'):
                distribution, version = line.split('==')
                found[distribution] = version.strip()
    return found


def bounds() -> Dict[str, str]:
    """Accepted versions by import name, as the package checks them.

    The package is read and not imported: lint needs no OpenMMLab for it.
    """
    text = (ROOT / 'mmconvnextv2' / 'version.py').read_text()
    tables = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and node.targets[0].id in ('REQUIRED', 'OPTIONAL')
    }
    both = {**tables['REQUIRED'], **tables['OPTIONAL']}
    return {name: f'>={x[-2]}, <{x[-1]}' for name, x in both.items()}


def _cell(found: Dict[str, str], row: str) -> str:
    for distribution in _ROWS[row]:
        if distribution in found:
            name = '' if distribution == row else f'{distribution} '
            return f'{name}{found[distribution]}'
    raise ValueError(f'requirements/ pin none of {", ".join(_ROWS[row])}')


def table() -> str:
    """The table in Markdown, a column for each stack."""
    names = sorted(stacks(), key=lambda name: name != DEFAULT_STACK)
    found = [pins(name) for name in names]
    accepted = bounds()
    rows = [['', *(f'{name} stack' for name in names), 'accepted'],
            ['---'] * (len(names) + 2)]
    rows += [[row, *(_cell(x, row) for x in found),
              accepted.get(row, 'any')] for row in _ROWS]
    rows.append(
        ['CI runs', *(_TESTED[name == DEFAULT_STACK] for name in names), ''])
    return '\n'.join(f"| {' | '.join(row)} |".replace('|  |', '| |')
                     for row in rows)


def main(argv: Optional[List[str]] = None) -> int:
    """Write the table, or check it."""
    return SECTION.main('versions_table.py', ROOT, table, argv)


if __name__ == '__main__':
    sys.exit(main())
