"""Write the capacity table into docs/scale.md, as tools/capacity.py prints it.

`--check` changes nothing and fails where a row of the given sizes is not up to
date; all sizes take minutes, and one is enough to see that code has changed.
"""
import argparse
import sys
from pathlib import Path
from typing import List, Optional

from generated import Section

from mmconvnextv2.capacity.footprint import footprints
from mmconvnextv2.capacity.step import MODES, SIZES
from mmconvnextv2.capacity.tables import markdown, tables
from mmconvnextv2.files import write_text

DOCS = Path(__file__).resolve().parents[1] / 'docs' / 'scale.md'
SECTION = Section(DOCS.name,
                  '<!-- capacity: written by dev/capacity_docs.py -->',
                  '<!-- end of capacity -->')
SIDES = (224, 1024)
PRECISIONS = ('bf16', 'float32')
MEMORY = (24, 40, 80, 141)
RESERVE = 2.
RATES = (250, 500, 1000, 2000, 4000)
GPUS = 8


def section(sizes: List[str]) -> str:
    """The tables of some sizes in Markdown."""
    found = sorted(
        footprints(sizes, MODES, SIDES, PRECISIONS, gpus=GPUS),
        key=lambda x: (PRECISIONS.index(x.precision), x.side))
    return markdown(tables(found, MEMORY, RESERVE, RATES, GPUS))


def out_of_date(text: str, new: str) -> List[str]:
    """Lines of the new tables that are not in the text, or not there so often.

    Rows of two tables may be equal, so tables are compared one by one.
    """
    old = text.partition(SECTION.begin)[2].partition(SECTION.end)[0]
    lines = []
    for part in new.split('\n**'):
        title, *rows = [x for x in part.split('\n') if x]
        there = old.partition(title)[2].partition('\n**')[0].split('\n')
        lines += [x for x in rows if x not in there]
    return lines


def main(argv: Optional[List[str]] = None) -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--sizes', nargs='+', choices=SIZES,
                        help='with --check: compare these only')
    args = parser.parse_args(argv)
    if args.sizes and not args.check:
        parser.error('--sizes is for --check: the docs have all sizes')
    text, new = DOCS.read_text(), section(args.sizes or list(SIZES))
    if args.check:
        wrong = out_of_date(text, new)
        for line in wrong:
            print(f'{DOCS.name} lacks: {line}', file=sys.stderr)
        if wrong:
            print('Run `python dev/capacity_docs.py`.', file=sys.stderr)
        return int(bool(wrong))
    try:
        write_text(DOCS, SECTION.replaced(text, new))
    except ValueError as error:
        print(f'capacity_docs.py: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
