"""Functions run in forked processes, which start without imports' time."""
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Optional, Union


class Ended(NamedTuple):
    """How a process ended: exit code, or minus the signal; and its output."""

    code: int
    output: str


class Forked:
    """A process that runs ``main`` with arguments in the present folder.

    Args:
        main (Callable): Function that returns an exit code, such as a tool's.
        arguments (list): Its arguments, which it gets as a list of strings.
        before (Callable, optional): Called in the process first.
        name (str | Path): File for the output. Defaults to output.txt.
        **variables (str): Environment variables of the process.
    """

    def __init__(self,
                 main: Callable[[List[str]], int],
                 arguments: List[Any], fault: str = '',
                 before: Optional[Callable[[], None]] = None,
                 name: Union[str, Path] = 'output.txt',
                 **variables: str) -> None:
        self.log = Path(name).absolute()
        self.log.write_text('')
        self.pid = os.fork()
        if self.pid == 0:
            os.environ.update(variables, FAULT=fault)
            self._run(main, [str(x) for x in arguments], before)

    def _run(self, main, arguments, before):
        code = 99
        try:
            os.setsid()
            descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.stdout = os.fdopen(1, 'w', buffering=1, closefd=False)
            sys.stderr = os.fdopen(2, 'w', buffering=1, closefd=False)
            # As in a program of its own; pytest's may differ.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if before is not None:
                before()
            code = main(arguments)
        except SystemExit as error:
            code = error.code
        except KeyboardInterrupt:
            code = 130
        except Exception:
            code = 1
            traceback.print_exc()
        finally:
            os._exit(code)

    def kill(self) -> None:
        """Kill it, as a machine that is switched off would."""
        os.kill(self.pid, signal.SIGKILL)

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until the output has ``text``."""
        end = time.monotonic() + seconds
        while text not in self.log.read_text():
            if time.monotonic() > end:
                raise TimeoutError(f'no {text!r} in {self.log.read_text()}')
            time.sleep(0.01)

    def ended(self) -> Optional[Ended]:
        """See how it ended, if it has; to be asked no more after that."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return Ended(os.waitstatus_to_exitcode(status),
                     self.log.read_text()) if pid else None

    def wait(self, seconds: float = 100) -> Ended:
        """Wait for the end; kill what does not end."""
        end = time.monotonic() + seconds
        while (ended := self.ended()) is None:
            if time.monotonic() > end:
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        return ended
