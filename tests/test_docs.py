"""Links between pages lead somewhere."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path for folder in ('', 'docs', 'benchmarks/results')
    for path in sorted((ROOT / folder).glob('*.md'))
]


def anchors(page):
    """What GitHub makes of a page's headings."""
    for title in re.findall(r'^#+ (.*)$', page.read_text(), re.MULTILINE):
        yield re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-')


@pytest.mark.parametrize('page', PAGES, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(page):
    broken = []
    for link in re.findall(r'\]\(([^)\s]+)\)', page.read_text()):
        if link.startswith(('http://', 'https://')):
            continue
        path, _, anchor = link.partition('#')
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []
