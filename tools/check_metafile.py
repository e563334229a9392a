"""Check the model zoo's metafiles, and the tables that are made from them."""
import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from mmconvnextv2.cli import CommandError, run_command
from mmconvnextv2.zoo.model_zoo import Entry, Family, entries, load_zoo
from mmconvnextv2.zoo.model_zoo_schema import schema_problems
from mmconvnextv2.zoo.model_zoo_tables import tables

_WRITE = 'python tools/check_metafile.py --write'


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Without options nothing is built or written, in seconds.')
    parser.add_argument(
        '--write',
        action='store_true',
        help='write the tables of README.md and docs/model_zoo.md anew')
    parser.add_argument(
        '--count',
        action='store_true',
        help='also compare parameters, multiply-adds, schedule, batch and '
        'initial weights with the configs (a minute)')
    parser.add_argument(
        '--root',
        type=Path,
        default=Path(__file__).resolve().parents[1],
        help='folder of model-index.yml (default: the checkout)')
    parser.set_defaults(launcher='none', local_rank=0)
    return parser.parse_args(argv)


def file_problems(zoo: List[Family], root: Path) -> Iterator[str]:
    """Models without a config, configs without a model, names used twice."""
    names = Counter(entry.name for entry in entries(zoo))
    for entry in entries(zoo):
        expected = f'configs/{entry.name}.py'
        if entry.data.get('Config') != expected:
            yield (f'{entry.where}: Config must be {expected}, got '
                   f"{entry.data.get('Config')!r}")
        if not (root / expected).is_file():
            yield f'{entry.where}: there is no {expected}'
        if names[entry.name] > 1:
            yield f'{entry.where}: the name is used {names[entry.name]} times'
    for path in sorted((root / 'configs').glob('*.py')):
        if path.stem not in names:
            yield f'configs/{path.name} is in no metafile'
    imported = {family.file for family in zoo}
    files = sorted((root / 'configs').rglob('*.*'))
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.suffix in ('.yml', '.yaml') and name not in imported:
            yield f'{name} is not imported by model-index.yml'
    # mim finds files by their name alone.
    bases = Counter(path.name for path in files if path.suffix != '.pyc')
    for name in (name for name, count in bases.items() if count > 1):
        yield f'configs/ has {bases[name]} files with the name {name}'


def counted_problems(zoo: List[Entry], root: Path) -> Iterator[str]:
    """Figures that are not what the configs come to."""
    import logging

    from mmconvnextv2.zoo.model_zoo_counts import Counter as FigureCounter

    # What models say while they are built.
    logging.disable(logging.INFO)
    counter = FigureCounter(root)
    for entry in zoo:
        yield from counter.problems(entry)


def fill(text: str, blocks: Dict[str, str]) -> str:
    """A Markdown text with its tables replaced.

    Args:
        text (str): The text; a table stands between the lines
            ``<!-- MARKER -->`` and ``<!-- end of MARKER -->``.
        blocks (dict[str, str]): Tables by marker.

    Returns:
        str: The text with these tables.

    Raises:
        ValueError: If a pair of markers is not there exactly once.
    """
    for marker, table in blocks.items():
        start, end = f'<!-- {marker} -->\n', f'<!-- end of {marker} -->\n'
        if text.count(start) != 1 or text.count(end) != 1 or (
                text.index(start) > text.index(end)):
            raise ValueError(f'it must have the lines {start.strip()} and '
                             f'{end.strip()} once each, in this order')
        before, rest = text.split(start)
        text = f'{before}{start}\n{table}\n\n{end}{rest.split(end)[1]}'
    return text


def table_problems(zoo: List[Family], root: Path,
                   write: bool) -> Iterator[str]:
    """Tables that are out of date; none when they are written anew."""
    for file, found in tables(zoo).items():
        path = root / file
        if not path.is_file():
            yield f'there is no {file}'
            continue
        text = path.read_text()
        try:
            filled = fill(text, found)
        except ValueError as error:
            yield f'{file}: {error}'
            continue
        if write:
            path.write_text(filled)
        elif filled != text:
            yield f'{file}: the tables are out of date; run: {_WRITE}'


def check_metafile(args: argparse.Namespace) -> None:
    """Run the checks; the later ones need what the earlier ones ask.

    Raises:
        CommandError: If there are problems; lists them.
    """
    try:
        zoo = load_zoo(args.root)
    except (FileNotFoundError, ValueError) as error:
        raise CommandError(str(error)) from error
    problems = [
        x for family in zoo for x in schema_problems(family, args.root)
    ]
    problems += file_problems(zoo, args.root)
    if not problems and args.count:
        problems += counted_problems(entries(zoo), args.root)
    if not problems:
        problems += table_problems(zoo, args.root, args.write)
    if problems:
        raise CommandError('\n'.join(
            [f'{len(problems)} problem(s)', *problems]))
    print(f'{len(entries(zoo))} models in {len(zoo)} metafiles: no problems')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(check_metafile, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
