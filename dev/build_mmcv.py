"""Compile mmcv's CPU operators into a wheel, once per machine.

mmcv's C++ files each parse PyTorch's headers, which is nearly all of their
compile time. Parsing them once into a precompiled header cuts the build from
about 17 to about 4 minutes on two cores.
"""
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from progress import StepError, run_step

# The compile line is these, then what mmcv's setup.py and torch append to it.
# They stand for the interpreter's default flags, which CFLAGS replaces.
_BASE_FLAGS = '-O2 -g0 -DNDEBUG -fwrapv -w'
_APPENDED_FLAGS = ('-fPIC -std=c++17 -DTORCH_API_INCLUDE_EXTENSION_H '
                   '-DTORCH_EXTENSION_NAME=_ext')
# For the download too: without operators the classic mmcv calls itself
# mmcv-lite, and pip refuses an archive of another name than it asked for.
_MODE = {'MMCV_WITH_OPS': '1', 'FORCE_CUDA': '0'}
_NINJA_COUNT = r'\[(\d+)/(\d+)\]'


def _query(python: str, code: str) -> str:
    return subprocess.run([python, '-c', code],
                          check=True,
                          capture_output=True,
                          text=True).stdout.strip()


def _key(python: str, requirement: str) -> str:
    """Cache key: mmcv, torch, interpreter and platform decide the wheel."""
    code = ('import sys, sysconfig, torch; '
            'print(f"torch{torch.__version__}-cp{sys.version_info[0]}'
            '{sys.version_info[1]}-{sysconfig.get_platform()}")')
    return f"{requirement.replace('==', '-')}-{_query(python, code)}"


def _compiler() -> str:
    compiler = os.environ.get('CXX', 'g++')
    if shutil.which(compiler) is None:
        raise StepError(
            f'mmcv needs a C++ compiler and {compiler!r} was not found. '
            'Install one (Debian and Ubuntu: apt-get install g++) and run '
            '`make setup` again.')
    return compiler


def _precompile_header(python: str, build: Path, log: Path) -> str:
    """Make the precompiled header; return the CFLAGS that use it.

    Only GCC's format is handled; another compiler builds without it.
    """
    compiler = _compiler()
    version = subprocess.run([compiler, '--version'],
                             capture_output=True,
                             text=True).stdout
    if 'Free Software Foundation' not in version:
        return _BASE_FLAGS
    header = build / 'mmcv_precompiled.h'
    header.write_text('#include <torch/types.h>\n')
    includes = _query(
        python, 'import sysconfig; '
        'from torch.utils.cpp_extension import include_paths; '
        'print(*("-I" + p for p in include_paths() + '
        '[sysconfig.get_path("include")]))').split()
    run_step('mmcv: precompiling the PyTorch headers', [
        compiler, *_BASE_FLAGS.split(), *_APPENDED_FLAGS.split(), *includes,
        '-x', 'c++-header',
        str(header), '-o', f'{header}.gch'
    ], log)
    # A header made with other flags would be ignored in silence, at a cost
    # of ten minutes: make the compiler stop instead.
    return (f'{_BASE_FLAGS} -include {header} '
            '-Winvalid-pch -Werror=invalid-pch')


def _unpack_source(python: str, requirement: str, build: Path,
                   log: Path) -> Path:
    """Download and unpack mmcv's source archive once."""
    source = build / 'source'
    if source.is_dir():
        return source
    run_step(f'mmcv: downloading {requirement}', [
        python, '-m', 'pip', 'download', '--no-deps', '--no-binary', ':all:',
        '--no-build-isolation', '-d',
        str(build), requirement
    ], log, _MODE)
    archive = next(build.glob('*.tar.gz'))
    staging = build / 'unpacking'
    shutil.rmtree(staging, ignore_errors=True)
    shutil.unpack_archive(archive, staging)
    next(staging.iterdir()).rename(source)
    return source


def mmcv_wheel(python: str, requirement: str, cache: Path,
               logs: Path) -> Path:
    """Return a wheel of mmcv with CPU operators, built if not cached.

    Args:
        python (str): Interpreter that has torch and the build requirements.
        requirement (str): 'onedl-mmcv==2.3.6' or the like.
        cache (Path): Folder outside the checkout, shared between clones.
        logs (Path): Folder for the logs of the build.

    Returns:
        Path: The wheel. A build that was interrupted is resumed, since its
        object files stay in the cache until the wheel is complete.
    """
    folder = cache / 'wheels' / _key(python, requirement)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / '.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cached = sorted(folder.glob('*.whl'))
        if cached:
            print(f'  mmcv: using the cached wheel {cached[0].name}')
            return cached[0]
        return _build(python, requirement, folder, logs)


def _build(python: str, requirement: str, folder: Path, logs: Path) -> Path:
    build = folder / 'build'
    build.mkdir(exist_ok=True)
    source = _unpack_source(python, requirement, build,
                            logs / 'mmcv_download.log')
    flags = _precompile_header(python, build, logs / 'mmcv_header.log')
    run_step('mmcv: compiling its operators, once per machine,', [
        python, '-m', 'pip', 'wheel', '-v', '--no-deps',
        '--no-build-isolation', '-w',
        str(build / 'dist'),
        str(source)
    ], logs / 'mmcv_build.log', {
        **_MODE,
        'CC': os.environ.get('CC', 'gcc'),
        # The header's own compiler: another one would refuse it.
        'CXX': _compiler(),
        'CFLAGS': flags,
        'CXXFLAGS': flags,
        'MAX_JOBS': str(len(os.sched_getaffinity(0))),
    }, _NINJA_COUNT)
    built = next((build / 'dist').glob('*.whl'))
    wheel = folder / built.name
    os.replace(built, wheel)
    shutil.rmtree(build)
    return wheel
