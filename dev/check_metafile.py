"""Check the model zoo's metafiles, and the tables that are made from them.

Without options nothing is built or written, in seconds.
"""
import argparse
import logging
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from metafile_schema import COLLECTION, MODEL, OURS, schema_problems
from mmengine.config import Config
from model_zoo import Family, Model, load_zoo, tables

from mmconvnextv2.analysis.complexity import count_complexity
from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.files import write_text

# Key of the metafile: of the recipe.
_RECIPE = {
    'Epochs': 'epochs',
    'Iterations': 'iterations',
    'Batch Size': 'batch',
    'Initial Weights': 'weights',
}
_WRITE = 'python dev/check_metafile.py --write'


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--write', action='store_true',
        help='write the tables of README.md and docs/model_zoo.md anew')
    parser.add_argument(
        '--count', action='store_true',
        help='also compare parameters, multiply-adds, schedule, batch and '
        'initial weights with the configs (a minute)')
    parser.add_argument(
        '--root', type=Path, default=Path(__file__).resolve().parents[1],
        help='folder of model-index.yml (default: the checkout)')
    return parser.parse_args(argv)


def family_problems(family: Family, root: Path) -> Iterator[str]:
    """Say what is wrong with a metafile by itself."""
    if len(family.collections) != 1:
        yield (f'{family.file}: there must be one collection, got '
               f'{len(family.collections)}')
    names = [x.get('Name') for x in family.collections]
    for data in family.collections:
        where = f"{family.file}: collection {data.get('Name')}"
        problems = list(schema_problems(data, COLLECTION))
        yield from (f'{where}: {x}' for x in problems)
        # modelindex, which mim reads with, finds the README from the metafile.
        for path in () if problems else (
                root / Path(family.file).parent / data['README'],
                root / data['Code']['URL']):
            if not path.is_file():
                yield f'{where}: there is no {path}'
    for model in family.models:
        problems = list(schema_problems(model, MODEL))
        yield from (f"{family.file}: {model.get('Name')}: {x}"
                    for x in problems or _contradictions(model, names, root))


def _contradictions(model: Model, collections: List,
                    root: Path) -> Iterator[str]:
    if model['In Collection'] not in collections:
        yield (f'In Collection must be of {collections}, got '
               f"{model['In Collection']!r}")
    if ('Epochs' in model['Metadata']) == ('Iterations' in model['Metadata']):
        yield 'Metadata must have either Epochs or Iterations'
    if 'Converted From' in model and 'Weights' not in model:
        yield 'Converted From needs Weights'
    for i, result in enumerate(model.get('Results', ())):
        is_ours = result['Source'].startswith(OURS)
        if result['Reproduced'] != is_ours:
            yield (f'Results[{i}].Reproduced must be '
                   f'{"yes" if is_ours else "no"}, as the source is '
                   f"{result['Source']!r}")
    folder, _, file = model['Config'].rpartition('/')
    if file != f"{model['Name']}.py" or not re.fullmatch(
            r'configs(/[a-z]+)?', folder):
        yield (f"Config must be configs/{model['Name']}.py, got "
               f"{model['Config']!r}")
    elif not (root / model['Config']).is_file():
        yield f"there is no {model['Config']}"


def file_problems(zoo: List[Family], root: Path) -> Iterator[str]:
    """Say what is missing in the metafiles, or there twice."""
    names = Counter(x.get('Name') for family in zoo for x in family.models)
    for name, times in names.items():
        if times > 1:
            yield f'{name} is in the metafiles {times} times'
    for pattern in ('*.py', '[!_]*/*.py'):
        for path in sorted((root / 'configs').glob(pattern)):
            if path.stem not in names:
                name = path.relative_to(root).as_posix()
                yield f'{name} is in no metafile'
    imported = {family.file for family in zoo}
    files = sorted((root / 'configs').rglob('*.*'))
    for path in files:
        name = path.relative_to(root).as_posix()
        if path.suffix in ('.yml', '.yaml') and name not in imported:
            yield f'{name} is not imported by model-index.yml'
    # mim finds files by their name alone.
    for name, times in Counter(x.name for x in files).items():
        if times > 1:
            yield f'configs/ has {times} files with the name {name}'


def count_problems(model: Model, root: Path) -> Iterator[str]:
    """Say which figures of a model are not what its config comes to."""
    metadata = model['Metadata']
    cfg = Config.fromfile(root / model['Config'])
    found = {key: recipe(cfg)[name] for key, name in _RECIPE.items()}
    found['Initial Weights'] = found['Initial Weights'] or 'none'
    width, height = map(int, metadata['Image Size'].split('x'))
    found['Parameters'], found['FLOPs'], _ = count_complexity(
        cfg, (height, width))
    for key, actual in found.items():
        if metadata.get(key) != actual:
            yield (f"{model['Name']}: {key} is {actual}, got "
                   f'{metadata.get(key)}')


def table_problems(zoo: List[Family], root: Path,
                   write: bool) -> Iterator[str]:
    """Write the tables, or say which are out of date."""
    texts: Dict[str, str] = {}
    for section, table in tables(zoo):
        file = root / section.document
        old = texts.setdefault(section.document, file.read_text())
        texts[section.document] = section.replaced(old, table)
    for name, text in texts.items():
        if write:
            write_text(root / name, text)
        elif (root / name).read_text() != text:
            yield f'{name}: the tables are out of date; run: {_WRITE}'


def problems(args: argparse.Namespace) -> List[str]:
    """Run the checks; the later ones need what the earlier ones ask.

    Raises:
        FileNotFoundError, ValueError: If a file is missing or has not the
            form of a metafile, or a document has no place for a table.
    """
    zoo = load_zoo(args.root)
    found = [x for family in zoo for x in family_problems(family, args.root)]
    found += file_problems(zoo, args.root)
    if not found and args.count:
        # What models log while they are built.
        logging.disable(logging.INFO)
        found += [x for family in zoo for model in family.models
                  for x in count_problems(model, args.root)]
    return found or list(table_problems(zoo, args.root, args.write))


def main(argv: Optional[List[str]] = None) -> int:
    """Check; returns 1 if there are problems."""
    try:
        found = problems(parse_args(argv))
    except (FileNotFoundError, ValueError) as error:
        found = [str(error)]
    if found:
        print(f'check_metafile.py: {len(found)} problem(s)', *found,
              sep='\n', file=sys.stderr)
        return 1
    print('no problems')
    return 0


if __name__ == '__main__':
    sys.exit(main())
