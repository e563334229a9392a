"""Change the source at random, and see if the tests notice.

    python dev/mutate.py --number 100 --seed 0 [FILE ...]

Each mutation is made in a copy of the checkout and run against the tests that
mirror its file, as in tests/test_ops/test_linear*.py for ops/linear.py, then
against all of that folder.
"""
import argparse
import ast
import copy
import importlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = Path('mmconvnextv2')
_COPIED = ('mmconvnextv2', 'tests', 'tools', 'dev', 'demo', 'configs',
           'setup.cfg')
_OTHER = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}


def default_files() -> List[Path]:
    """List the sources to change: models, operators, checkpoints, decay."""
    found = [path for folder in ('models', 'ops', 'checkpoint')
             for path in sorted((_ROOT / _PACKAGE / folder).rglob('*.py'))
             if 'triton' not in path.parts and path.name != '__init__.py']
    return [*(path.relative_to(_ROOT) for path in found),
            _PACKAGE / 'engine/layer_decay.py']


def tests_of(file: Path) -> List[str]:
    """Find the tests that mirror a file, or else those of its folder."""
    folder = Path('tests', *(f'test_{part}' for part in file.parts[1:-1]))
    found = sorted((_ROOT / folder).glob(f'test_{file.stem}*.py'))
    return [str(x.relative_to(_ROOT)) for x in found] or [str(folder)]


def _changed(node: ast.AST) -> Optional[ast.AST]:
    """Make a changed copy of a node; None if it is not one to change."""
    new = copy.deepcopy(node)
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)):
        other = _OTHER.get(type(node.op))
        is_text = isinstance(getattr(node, 'left', None), ast.JoinedStr)
        if other is None or is_text:
            return None
        new.op = other()
    elif isinstance(node, ast.Compare):
        new.ops[0] = _OTHER[type(node.ops[0])]()
    elif isinstance(node, ast.Constant) and type(node.value) in (
            bool, int, float):
        new.value = not node.value if type(
            node.value) is bool else node.value + 1
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (
            ast.Not, ast.USub)):
        new = new.operand
    elif isinstance(node, (ast.If, ast.IfExp)):
        new.test = ast.UnaryOp(ast.Not(), new.test)
    elif isinstance(node, ast.Raise) or (isinstance(
            node, ast.Expr) and isinstance(node.value, ast.Call)):
        new = ast.Pass()
    else:
        return None
    return new


def mutations(source: str) -> Iterator[Tuple[str, str]]:
    """List the changes to a source: what is changed, and the new source."""
    tree = ast.parse(source)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if name in ('annotation', 'returns'):
                continue
            nodes = value if isinstance(value, list) else [value]
            for i, node in enumerate(nodes):
                new = _changed(node) if isinstance(node, ast.AST) else None
                if new is None:
                    continue
                changed = [*nodes[:i], new, *nodes[i + 1:]]
                setattr(parent, name, changed if nodes is value else new)
                yield (f'{node.lineno}: {_line(node)} -> {_line(new)}',
                       ast.unparse(ast.fix_missing_locations(tree)))
                setattr(parent, name, value)


def _line(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0][:70]


def _test(folder: str, tests: List[str]) -> None:
    os.chdir(folder)
    sys.path.insert(0, folder)
    with open(os.devnull, 'w') as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    sys.exit(int(pytest.main(['-q', '-x', '-m', 'not slow', '-p',
                              'no:cacheprovider', *tests])))


def run_tests(folder: str, tests: List[str], limit: float) -> str:
    """Run tests in a process of their own, for ``limit`` seconds at most."""
    process = multiprocessing.get_context('fork').Process(
        target=_test, args=(folder, tests))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
        return 'too slow'
    return 'killed' if process.exitcode else 'survived'


def main() -> None:
    """Make the mutations and print those that no test notices."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('files', nargs='*', type=Path)
    parser.add_argument('--number', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    found = [(file, i, what)
             for file in args.files or default_files()
             for i, (what, _) in enumerate(
                 mutations((_ROOT / file).read_text()))]
    chosen = random.Random(args.seed).sample(
        found, min(args.number, len(found)))
    importlib.import_module('torch')  # once, before the processes are forked
    results: Counter = Counter()
    times: Dict[Path, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in _COPIED:
            copied = shutil.copytree if (_ROOT / name).is_dir() else \
                shutil.copy
            copied(_ROOT / name, Path(folder, name))
        for file, i, what in sorted(chosen, key=lambda x: x[0]):
            result = _try(Path(folder), file, i, times)
            results[result] += 1
            if result != 'killed':
                print(f'{result}: {file}:{what}', flush=True)
    print(f'{len(chosen)} of {len(found)} mutations, seed {args.seed}: '
          f'{dict(results)}')


def _try(folder: Path, file: Path, number: int,
         times: Dict[Path, float]) -> str:
    tests = tests_of(file)
    if file not in times:
        start = time.monotonic()
        if run_tests(str(folder), tests, 1800) != 'survived':
            raise SystemExit(f'{tests} fail without a mutation')
        times[file] = time.monotonic() - start
    source = (_ROOT / file).read_text()
    (folder / file).write_text(list(mutations(source))[number][1])
    try:
        result = run_tests(str(folder), tests, 60 + 5 * times[file])
        if result == 'survived':  # Others may be the ones that notice.
            beside = sorted({str(Path(x).parent) for x in tests})
            result = run_tests(str(folder), beside, 1800)
        return result
    finally:
        (folder / file).write_text(source)


if __name__ == '__main__':
    main()
