"""The parts of documents that programs write."""
import re
from typing import NamedTuple


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
