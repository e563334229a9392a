"""The parts of documents that programs write."""
import argparse
import re
import sys
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional


class Section(NamedTuple):
    """What lies between two marker lines of a document.

    Attributes:
        document (str): Its name, for errors.
        begin (str): The line before.
        end (str): The line after.
    """

    document: str
    begin: str
    end: str

    def replaced(self, text: str, new: str) -> str:
        """The document's text with another content of the section.

        Raises:
            ValueError: If there is not one pair of markers.
        """
        pattern = re.compile(
            f'{re.escape(self.begin)}\n.*?{re.escape(self.end)}', re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise ValueError(f'{self.document} needs one pair of the lines '
                             f'{self.begin} and {self.end}')
        return pattern.sub(lambda _: f'{self.begin}\n{new}\n{self.end}', text)

    def main(self, program: str, root: Path, table: Callable[[], str],
             argv: Optional[List[str]]) -> int:
        """Write a table into the document of a checkout, or check it.

        Args:
            program (str): File in dev/ that does so.
            root (Path): The checkout.
            table (Callable): Function that makes the table; a ValueError of
                it is printed.
            argv (list[str], optional): The command line.
        """
        parser = argparse.ArgumentParser(program)
        parser.add_argument('--check', action='store_true',
                            help='change nothing, fail if it is out of date')
        args = parser.parse_args(argv)
        page = root / self.document
        text = page.read_text()
        try:
            wanted = self.replaced(text, table())
        except ValueError as error:
            print(f'{program}: {error}', file=sys.stderr)
            return 1
        if args.check and text != wanted:
            print(f'{self.document} is out of date: run `python dev/{program}'
                  '`.', file=sys.stderr)
            return 1
        if not args.check:
            page.write_text(wanted)
        return 0
