"""The README's snippets, so that tests run what users copy."""
import re
from typing import List

from config_run import ROOT


def section(title: str) -> str:
    """Text between a heading and the next one."""
    text = (ROOT / 'README.md').read_text()
    found = re.search(rf'^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)', text,
                      re.DOTALL | re.MULTILINE)
    if found is None:
        raise ValueError(f'README.md has no heading {title!r}')
    return found.group(1)


def python_blocks(title: str) -> List[str]:
    """Python code of a section, block by block."""
    return re.findall(r'^```python\n(.*?)^```', section(title),
                      re.DOTALL | re.MULTILINE)


def inline_code(title: str, sentence: str) -> List[str]:
    """Code within the sentence of a section that begins so."""
    text = ' '.join(section(title).split())
    found, = re.findall(rf'{re.escape(sentence)}(.*?)\.(?: |$)', text)
    return re.findall('`([^`]*)`', found)
