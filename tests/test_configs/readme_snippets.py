"""Snippets of README.md and docs/, so that tests run what users copy."""
import re
from typing import List

from config_run import ROOT


def section(title: str) -> str:
    """Text between a heading and the next one of the second level or below."""
    pages = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
    for page in pages:
        found = re.search(rf'^#+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)',
                          page.read_text(), re.DOTALL | re.MULTILINE)
        if found is not None:
            return found.group(1)
    raise ValueError(f'no page has the heading {title!r}')


def python_blocks(title: str) -> List[str]:
    """Python code of a section, block by block."""
    return re.findall(r'^```python\n(.*?)^```', section(title),
                      re.DOTALL | re.MULTILINE)


def inline_code(title: str, sentence: str) -> List[str]:
    """Code within the sentence of a section that begins so."""
    text = ' '.join(section(title).split())
    found, = re.findall(rf'{re.escape(sentence)}(.*?)\.(?: |$)', text)
    return re.findall('`([^`]*)`', found)
