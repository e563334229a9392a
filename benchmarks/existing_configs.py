"""Try `use_backbone.py` on the configs that the installed packages ship.

    python benchmarks/existing_configs.py all mmdet --out FILE
    python benchmarks/existing_configs.py steps mmdet --out FILE
    python benchmarks/existing_configs.py table FILE...

`all` rewrites every config that has a name of its own (not in `_base_`), reads
what was written, and builds and runs it as the tool does; configs of one model
count each and are tried once. `steps` takes configs of a family (a folder),
with 'atto' and blank weights, until one trains a step and predicts, on two
images of 128 px, or of 512 if these are too small. What fails is tried with
the config's own backbone, too. Files get a line of JSON a config and are
continued where they end. `table` writes the tables of docs/use_backbone.md.
"""
import argparse
import collections
import contextlib
import io
import json
import logging
import re
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from existing_steps import step
from mmengine.config import Config

from mmconvnextv2.config.rewrite import check, rewrite
from mmconvnextv2.config.rewrite.source import folder_of
from mmconvnextv2.errors import CommandError
from mmconvnextv2.text import markdown_table

sys.path.insert(0, str(Path(__file__).parents[1] / 'dev'))
from generated import Section  # noqa: E402

PAGE = Path(__file__).parents[1] / 'docs' / 'use_backbone.md'
SECTION = Section(
    'docs/use_backbone.md',
    '<!-- configs: written by benchmarks/existing_configs.py -->',
    '<!-- end of configs -->')
_SECONDS = 300


def leaves(package):
    """Yield (family, file) of each config that has a name of its own."""
    folder = folder_of(package)
    for file in sorted(folder.rglob('*.py')):
        inner = file.relative_to(folder)
        if '_base_' not in inner.parts:
            yield inner.parts[0], file


@contextlib.contextmanager
def at_most(seconds):
    """Raise TimeoutError in what takes longer."""

    def stop(*_):
        raise TimeoutError(f'more than {seconds} s')

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


class UnreadableError(Exception):
    """A config that is none, or that its own package cannot read."""


def loaded(file):
    """Load a config that has a model."""
    try:
        cfg = Config.fromfile(str(file))
    except Exception as error:
        raise UnreadableError(describe(error)) from error
    if not cfg.get('model'):
        raise UnreadableError('a part of configs, without a model')
    return cfg


def rewritten(file, arch, weights=None):
    """Rewrite a config file; returns the old config, the new one, its text."""
    cfg = loaded(file)
    found = rewrite(cfg, arch, weights)
    text = found.text(str(file), f'use_backbone.py {file.name} --arch {arch}')
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'new.py'
        out.write_text(text)
        return cfg, Config.fromfile(str(out)), text


def try_config(file, known):
    """Rewrite, read, build and run a config, each model once."""
    cfg = loaded(file)
    key = repr((cfg.get('default_scope'), cfg.model,
                cfg.get('data_preprocessor')))
    if key not in known:
        printed = io.StringIO()
        try:
            cfg, new, text = rewritten(file, 'tiny')
            with contextlib.redirect_stdout(printed):
                check(new, cfg)
            known[key] = dict(state='rewritten', reason=printed.getvalue(),
                              built='Not tried' not in printed.getvalue(),
                              lines=len(text.splitlines()))
        except CommandError as error:
            known[key] = dict(state='refused', reason=str(error))
    return known[key]


def try_step(file):
    """Train a step and predict; where that fails, with the old backbone."""
    try:
        cfg, new, _ = rewritten(file, 'atto', weights='')
        with contextlib.redirect_stdout(io.StringIO()):
            check(new, cfg)
    except CommandError as error:
        return dict(state='refused', reason=str(error))
    try:
        return dict(state='trained', losses=step(new))
    except Exception as error:
        result = dict(state='failed', reason=describe(error))
    try:
        step(cfg)
    except Exception as error:
        result['original'] = describe(error)
    return result


def describe(error):
    """Type and first line of an error."""
    lines = str(error).strip().splitlines() or ['']
    return f'{type(error).__name__}: {lines[0][:160]}'


def run_all(package, out):
    """Try each config, or one a family, and note what came of it."""
    done = {x['file']: x for x in read([out])}
    known = {}
    for family, file in leaves(package):
        name = str(file.relative_to(folder_of(package)))
        if name not in done:
            note(out, package, family, name,
                 lambda file=file: try_config(file, known))


def run_steps(package, out):
    """Of each family, try rewritten configs until one trains, five at most.

    Those with the shortest names, which have the fewest options, come first.
    """
    results = collections.defaultdict(list)
    for row in read([out]):
        results[row['family']].append(row)
    for family, file in sorted(leaves(package),
                               key=lambda x: (x[0], len(x[1].name))):
        name = str(file.relative_to(folder_of(package)))
        tried = [x for x in results[family]
                 if x['state'] in ('trained', 'failed')]
        if len(tried) == 5 or 'trained' in [x['state'] for x in tried] or (
                name in [x['file'] for x in results[family]]):
            continue
        results[family].append(note(out, package, family, name,
                                    lambda file=file: try_step(file)))


def note(out, package, family, name, attempt):
    """Append a line of JSON with the result of an attempt."""
    start = time.time()
    try:
        with at_most(_SECONDS):
            result = attempt()
    except UnreadableError as error:
        result = dict(state='unreadable', reason=str(error))
    except Exception as error:
        result = dict(state='failed', reason=describe(error))
    result = dict(package=package, family=family, file=name, **result,
                  seconds=round(time.time() - start, 1))
    with out.open('a') as file:
        file.write(json.dumps(result) + '\n')
    return result


def read(files):
    """Yield the results in files; of a config, the last."""
    for file in files:
        if file.is_file():
            yield from map(json.loads, file.read_text().splitlines())


def table(files):
    """Tables in Markdown of what `all` and `steps` have found."""
    rows = list(read(files))
    whole = [x for x in rows if 'losses' not in x and x['state'] != 'failed']
    whole = list({(x['package'], x['file']): x for x in whole}.values())
    steps = list({(x['package'], x['family']): x for x in rows
                  if x['state'] in ('trained', 'failed')}.values())
    text = [markdown_table(
        ['', 'configs', 'rewritten', 'of these built and run',
         'originals that do not run, either', 'refused'],
        [counts(name, [x for x in whole if x['package'] == name])
         for name in dict.fromkeys(x['package'] for x in whole)])]
    trained = [x for x in steps if x['state'] == 'trained']
    text.append(f'Of {len(steps)} families (folders) that have a config that '
                f'can be rewritten and were tried, {len(trained)} train a '
                'step and predict:')
    text.extend(f'- **{name}**: {", ".join(families(trained, name))}'
                for name in dict.fromkeys(x['package'] for x in trained))
    text.append(markdown_table(
        ['no step', 'of ConvNeXt V2', 'of its own backbone'],
        [[f"{x['package']}, {x['family']}", x['reason'],
          same(x.get('original', 'it trains'), x['reason'])]
         for x in steps if x not in trained]))
    refused = collections.defaultdict(list)
    for row in whole:
        if row['state'] == 'refused':
            refused[kind_of(row['reason'])].append(row)
    text.append(markdown_table(
        ['refused', 'configs', 'families'],
        [[reason, len(x), ', '.join(sorted({y['family'] for y in x}))]
         for reason, x in sorted(refused.items(),
                                 key=lambda item: -len(item[1]))]))
    return '\n\n'.join(text)


def counts(name, rows):
    """A row of the first table."""
    models = [x for x in rows if x['state'] != 'unreadable']
    written = [x for x in models if x['state'] == 'rewritten']
    run = sum(x['built'] for x in written)
    return [name, len(models), len(written), run, len(written) - run,
            len(models) - len(written)]


def families(rows, package):
    """Names of the families of a package's rows, sorted."""
    return sorted({x['family'] for x in rows if x['package'] == package})


def kind_of(reason):
    """What reasons of the same kind have in common."""
    reason = re.sub(r'^\w+ (has|gives|cannot|is a whole)', r'It \1', reason)
    reason = re.sub(r', only .*|: .*|It gives .*;', '', reason)
    return re.sub(r'[\[(][^])]*[\])]', '...', reason).strip()


def same(original, reason):
    """What the original's own backbone ends with."""
    return 'the same' if original == reason else original


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('kind', choices=['all', 'steps', 'table'])
    parser.add_argument(
        'names', nargs='+', help='packages, or files of results')
    parser.add_argument('--out', type=Path)
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    if args.kind == 'table':
        text = table([Path(x) for x in args.names])
        PAGE.write_text(SECTION.replaced(PAGE.read_text(), text))
        return
    for package in args.names:
        dict(all=run_all, steps=run_steps)[args.kind](package, args.out)


if __name__ == '__main__':
    main()
