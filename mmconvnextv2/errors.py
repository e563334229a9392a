"""Errors that end a tool with a message instead of a traceback."""


class CommandError(Exception):
    """A request that cannot be met; the message says why.

    Attributes:
        exit_code (int): Exit code of the tool: 2, as argparse's own.
        is_of_each_process (bool): Whether each process has its own reason to
            print; else the main process prints it alone.
    """

    exit_code = 2
    is_of_each_process = False
