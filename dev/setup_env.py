"""Build the environment of a pinned stack; `make setup` runs it.

The maintained stack goes to .venv, another one to .venv-NAME beside it.

Safe to interrupt and to run again: every step leaves either its whole result
or nothing that matters, and a finished set-up is recognised at once.
"""
import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Optional

from build_mmcv import mmcv_wheel
from progress import StepError, clock, run_step

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / 'requirements'
BRIDGE = ROOT / 'mmconvnextv2' / 'torchvision_ops.py'
OLDEST_PYTHON = (3, 10)
DEFAULT_STACK = 'maintained'


def cache_folder() -> Path:
    """Folder outside the checkout for what clones can share."""
    own = os.environ.get('MMCONVNEXTV2_CACHE')
    if own:
        return Path(own).expanduser()
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base).expanduser() / 'mmconvnextv2'


def fingerprint() -> str:
    """Digest of all that decides what the environment holds."""
    digest = hashlib.sha256(sys.version.encode())
    files = [*sorted(REQUIREMENTS.glob('*.txt')),
             *(ROOT / 'dev' / f'{name}.py'
               for name in ('setup_env', 'build_mmcv', 'progress')), BRIDGE,
             ROOT / 'setup.cfg', ROOT / 'pyproject.toml']
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest() + str(ROOT)


def stacks() -> List[str]:
    """Names of the stacks: the files in requirements/ that pin an mmcv."""
    return sorted(file.stem for file in REQUIREMENTS.glob('*.txt')
                  if _mmcv_pin(file))


def default_venv(stack: str) -> Path:
    """Folder of the stack's environment; the Makefile says the same."""
    return ROOT / ('.venv' if stack == DEFAULT_STACK else f'.venv-{stack}')


def _mmcv_pin(file: Path) -> Optional[str]:
    for line in file.read_text().splitlines():
        if line.split('==')[0] in ('onedl-mmcv', 'mmcv'):
            return line.strip()
    return None


def mmcv_requirement(stack: str) -> str:
    """The line of the stack's file that pins mmcv."""
    pin = _mmcv_pin(REQUIREMENTS / f'{stack}.txt')
    if pin is None:
        raise StepError(f'requirements/{stack}.txt does not pin mmcv')
    return pin


def make_venv(target: Path) -> str:
    """Create the virtual environment; return its interpreter."""
    python = target / 'bin' / 'python'
    probe = [python, '-m', 'pip', '--version']
    works = python.exists() and not subprocess.run(
        probe, capture_output=True).returncode
    if not works:
        shutil.rmtree(target, ignore_errors=True)
        try:
            venv.create(target, with_pip=True)
        except (subprocess.CalledProcessError, ImportError) as error:
            raise StepError(
                f'could not create {target} ({error}). Python needs its venv '
                'and pip modules (Debian and Ubuntu: apt-get install '
                'python3-venv).') from error
    return str(python)


def bridge_torchvision(python: str) -> None:
    """Let the environment import torchvision, which is built for CUDA.

    A copy of our bridge is put up when Python starts, not only when this
    package is imported: mmdet's own tools import torchvision before that.
    """
    site = Path(subprocess.check_output(
        [python, '-c', "import sysconfig; print(sysconfig.get_path('purelib'))"
         ], text=True).strip())
    name = f'_mmconvnextv2_{BRIDGE.stem}'
    shutil.copyfile(BRIDGE, site / f'{name}.py')
    # Python runs lines of such files that begin with "import".
    (site / f'{name}.pth').write_text(
        f'import {name}; {name}.declare_before_torchvision()\n')


def install(python: str, stack: str, logs: Path, tests: bool) -> None:
    """Install the stack and this package, in the order that they need.

    mmcv is compiled while the packages that it does not need come in.
    """

    def pip(title: str, *arguments: str) -> None:
        log = logs / f"{title.replace(' ', '_')}.log"
        # Python compiles what is imported, a small part, when it is imported.
        run_step(f'installing {title}',
                 [python, '-m', 'pip', 'install', '--no-compile', *arguments],
                 log,
                 {'PIP_DISABLE_PIP_VERSION_CHECK': '1'})

    def pins(name: str) -> str:
        return str(REQUIREMENTS / f'{name}.txt')

    def third_party() -> None:
        pip('torchvision', '--no-deps', '-r', pins('torchvision'))
        bridge_torchvision(python)
        pip('third-party packages', '-r', pins('common'), '-c', pins('build'))
        if tests:
            own = REQUIREMENTS / f'tests_{stack}.txt'
            pip('test packages', '-r', pins('tests'),
                *(('-r', str(own)) if own.exists() else ()),
                *constraints)

    constraints = [x for name in ('common', 'torch', 'torchvision')
                   for x in ('-c', pins(name))]
    no_deps = ('--no-deps', '--no-build-isolation')
    pip('build tools', '-r', pins('build'))
    pip('PyTorch', '-r', pins('torch'), '-c', pins('build'))
    with ThreadPoolExecutor(1) as beside:
        rest = beside.submit(third_party)
        wheel = mmcv_wheel(python, mmcv_requirement(stack), cache_folder(),
                           logs)
        rest.result()
    pip('mmcv', '--no-deps', str(wheel))
    pip('OpenMMLab packages', *no_deps, '-r', pins(stack))
    pip('mmconvnextv2', *no_deps, '-e', str(ROOT))


def check(python: str, logs: Path) -> None:
    """Import everything once, so that a broken set-up shows here."""
    code = ('import mmconvnextv2, mmcv.ops, mmdet.apis, mmseg.apis, '
            'mmpretrain.apis, mim')
    run_step('checking that everything imports', [python, '-c', code],
             logs / 'check.log')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--stack',
        choices=stacks(),
        default=DEFAULT_STACK,
        help='(default: %(default)s)')
    parser.add_argument(
        '--venv',
        type=Path,
        help='folder of the environment (default: .venv, or .venv-STACK)')
    parser.add_argument(
        '--tests',
        action='store_true',
        help='install what the tests and the linter need as well')
    args = parser.parse_args(argv)
    args.venv = args.venv or default_venv(args.stack)
    return args


def main() -> int:
    """Set the environment up unless it is up to date."""
    args = parse_args()
    if sys.version_info < OLDEST_PYTHON:
        print(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is "
              f'needed, this is {sys.version.split()[0]} ({sys.executable}). '
              'Choose another with `make setup PYTHON=python3.11`.')
        return 1
    stamp = args.venv / '.mmconvnextv2-setup'
    wanted = f'{args.stack} {fingerprint()}'
    found = stamp.read_text() if stamp.exists() else ''
    if found == f'{wanted} tests' or (found == wanted and not args.tests):
        return 0
    logs = args.venv.with_name(f'{args.venv.name}-logs')
    logs.mkdir(exist_ok=True)
    with (logs / '.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _set_up(args, stamp, wanted, logs)


def _set_up(args: argparse.Namespace, stamp: Path, wanted: str,
            logs: Path) -> int:
    start = time.monotonic()
    print(f'Setting up {args.venv} ({args.stack} stack; logs in {logs})',
          flush=True)
    stamp.unlink(missing_ok=True)
    try:
        python = make_venv(args.venv)
        install(python, args.stack, logs, args.tests)
        check(python, logs)
    except StepError as error:
        print(f'\nSet-up stopped: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nInterrupted. `make setup` goes on from here.',
              file=sys.stderr)
        return 130
    stamp.write_text(wanted + (' tests' if args.tests else ''))
    print(f'Ready after {clock(time.monotonic() - start)}.', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
