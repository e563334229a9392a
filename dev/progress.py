"""Run a long command quietly: one progress line, the full output in a log."""
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Mapping, Optional, Sequence

_TTY_PERIOD = 0.5
_LOG_PERIOD = 15.0


class StepError(RuntimeError):
    """A step of the set-up failed; its message names the log file."""


def clock(seconds: float) -> str:
    """Format a duration as m:ss."""
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d}'


def _last_count(log: Path, pattern: Optional[str]) -> str:
    """The newest match of ``pattern`` near the end of the log, as 'i/n '."""
    if pattern is None:
        return ''
    with log.open('rb') as file:
        file.seek(max(0, log.stat().st_size - 65536))
        found = re.findall(pattern, file.read().decode(errors='replace'))
    return '/'.join(found[-1]) + ' ' if found else ''


def _show(text: str, last: bool = False) -> None:
    if sys.stdout.isatty():
        print(f'\r\033[K{text}', end='\n' if last else '', flush=True)
    else:
        print(text, flush=True)


def run_step(title: str,
             command: Sequence[str],
             log: Path,
             env: Optional[Mapping[str, str]] = None,
             count_pattern: Optional[str] = None) -> None:
    """Run ``command`` and show what is going on and for how long.

    Args:
        title (str): What the user reads.
        command (Sequence[str]): The program and its arguments.
        log (Path): File that receives everything the command prints.
        env (Mapping, optional): Variables on top of the present ones.
        count_pattern (str, optional): Regular expression with two groups
            (done, total), looked for in the output.

    Raises:
        StepError: If the command fails; names the log and its last lines.
    """
    start = time.monotonic()
    period = _TTY_PERIOD if sys.stdout.isatty() else _LOG_PERIOD
    _show(f'  {title} ...')
    with log.open('wb') as sink:
        process = subprocess.Popen(
            command,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})})
        try:
            while True:
                try:
                    process.wait(period)
                    break
                except subprocess.TimeoutExpired:
                    count = _last_count(log, count_pattern)
                    elapsed = clock(time.monotonic() - start)
                    _show(f'  {title} {count}({elapsed})')
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    elapsed = clock(time.monotonic() - start)
    if process.returncode:
        tail = log.read_text(errors='replace').splitlines()[-15:]
        raise StepError('\n'.join([
            f'{title} failed after {elapsed}.', *('    ' + x for x in tail),
            f'The full log is in {log}'
        ]))
    _show(f'  {title} done ({elapsed})', last=True)
