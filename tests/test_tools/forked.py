"""Run train.py in a forked process, which starts without the imports' time."""
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional


class Ended(NamedTuple):
    """How a process ended: exit code, or minus the signal; and its output."""

    code: int
    output: str


class Forked:
    """A process that runs ``main`` with arguments in the present folder.

    Args:
        main (Callable): The tool's main function.
        arguments (list): Its arguments.
        fault (str): The variable FAULT. Defaults to none.
        before (Callable, optional): Called in the process first.
        name (str): File for the output. Defaults to output.txt.
    """

    def __init__(self,
                 main: Callable[[List[str]], int],
                 arguments: List[str],
                 fault: str = '',
                 before: Optional[Callable[[], None]] = None,
                 name: str = 'output.txt') -> None:
        self.log = Path(name).absolute()
        self.log.write_text('')
        self.pid = os.fork()
        if self.pid == 0:
            self._run(main, arguments, fault, before)

    def _run(self, main, arguments, fault, before):
        code = 99
        try:
            os.setpgid(0, 0)
            descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            sys.stdout = os.fdopen(1, 'w', buffering=1, closefd=False)
            sys.stderr = os.fdopen(2, 'w', buffering=1, closefd=False)
            os.environ['FAULT'] = fault
            # As in a program of its own; pytest's may differ.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if before is not None:
                before()
            code = main([str(x) for x in arguments])
        except SystemExit as error:
            code = error.code
        except KeyboardInterrupt:
            code = 130
        except BaseException:
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

    def wait(self, seconds: float = 100) -> Ended:
        """Wait for the end; kill what does not end."""
        end = time.monotonic() + seconds
        status = (0, 0)
        while status[0] == 0:
            status = os.waitpid(self.pid, os.WNOHANG)
            if time.monotonic() > end:
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        return Ended(
            os.waitstatus_to_exitcode(status[1]), self.log.read_text())
