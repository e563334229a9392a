"""Write a config that has ConvNeXt V2 as its backbone.

It inherits from a config of mmdet, mmseg, mmpretrain or a package that builds
on them, and states what differs.
"""
import argparse
import contextlib
import os
import shlex
import sys
import warnings
from pathlib import Path

_SIZES = ('atto', 'femto', 'pico', 'nano', 'tiny', 'base', 'large', 'huge')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('config',
        help='path, mmdet::FOLDER/NAME.py, or name of a config of an '
        'installed package')
    add('--arch', choices=_SIZES, default='tiny',
        help='size of ConvNeXt V2 (default: %(default)s)')
    add('--weights',
        help='path or URL of weights to begin with, or none (default: those '
        'of our recipe for the task and size)')
    add('--keep-optimizer', action='store_true',
        help='keep SGD and its learning rate')
    add('--out', help='file to write (default: NAME_convnextv2_SIZE.py here)')
    add('--force', action='store_true', help='replace an existing file')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmengine.config import Config

from mmconvnextv2.cli import CommandError, run_command
from mmconvnextv2.config.rewrite import check, rewrite
from mmconvnextv2.config.rewrite.source import find_source
from mmconvnextv2.files import write_text


def use_backbone(args: argparse.Namespace) -> None:
    """Read the config, write the new one, read that and try it."""
    out = Path(args.out or f'{Path(args.config.rpartition("::")[2]).stem}'
               f'_convnextv2_{args.arch[0]}.py')
    if out.exists() and not args.force:
        raise CommandError(f'{out} exists already: give --out another name, '
                           'or --force')
    if not out.parent.is_dir():
        raise CommandError(f'there is no folder {out.parent} to write to')
    source = find_source(args.config, out.parent)
    cfg = _read(source.file)
    weights = '' if args.weights == 'none' else args.weights
    try:
        found = rewrite(cfg, args.arch, weights, args.keep_optimizer)
        text = found.text(source.base, _command(args))
        # Beside the file to be, for a relative base.
        draft = out.with_name(f'.{out.stem}.{os.getpid()}.py')
        try:
            draft.write_text(text, encoding='utf-8')
            check(_read(draft), cfg)
        finally:
            draft.unlink(missing_ok=True)
    except CommandError as error:
        raise CommandError(f'{args.config}: {error}') from error
    write_text(out, text)
    print(text, f'\nWritten: {out}', sep='')


def _read(file: Path) -> Config:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return Config.fromfile(str(file))
    except Exception as error:
        raise CommandError(f'{file} cannot be read as a config: '
                           f'{type(error).__name__}: {error}') from error


def _command(args: argparse.Namespace) -> str:
    words = ['use_backbone.py', args.config, '--arch', args.arch]
    if args.weights:
        words += ['--weights', args.weights]
    if args.keep_optimizer:
        words.append('--keep-optimizer')
    return shlex.join(words)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns its exit code."""
    warnings.filterwarnings('ignore', module='mmengine|mmdet|mmseg')
    return run_command(use_backbone, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
