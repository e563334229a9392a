"""Run a long command quietly: one progress line, the full output in a log."""
import os
import re
import subprocess
import sys
import threading
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


def _progress(log: Path, pattern: Optional[str], elapsed: float) -> str:
    """Say how long a step has run, and what its log tells of the rest.

    The newest match of ``pattern`` near the end of the log gives the count,
    and with it the time left.
    """
    found = []
    if pattern is not None:
        with log.open('rb') as file:
            file.seek(max(0, log.stat().st_size - 65536))
            found = re.findall(pattern, file.read().decode(errors='replace'))
    if not found:
        return f'({clock(elapsed)})'
    done, total = map(int, found[-1])
    left = clock(elapsed * (total - done) / max(done, 1))
    return f'{done}/{total} ({clock(elapsed)}, {left} left)'


def _show(text: str, last: bool = False) -> None:
    if threading.current_thread() is not threading.main_thread():
        # The line that is renewed belongs to the main thread's step.
        if last:
            print(f'\r{text}\033[K' if sys.stdout.isatty() else text,
                  flush=True)
    elif sys.stdout.isatty():
        print(f'\r\033[K{text}', end='\n' if last else '', flush=True)
    else:
        print(text, flush=True)


def run_step(title: str,
             command: Sequence[str],
             log: Path,
             env: Optional[Mapping[str, str]] = None,
             count_pattern: Optional[str] = None) -> None:
    """Run ``command`` and show what is going on and for how long.

    A step beside the main thread shows only that it is done.

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
                    state = _progress(log, count_pattern,
                                      time.monotonic() - start)
                    _show(f'  {title} {state}')
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
