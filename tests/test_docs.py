"""Links lead somewhere, and the tools take the commands."""
import importlib.util
import re
import shlex
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


def commands():
    """Lines of the blocks of code that begin with a program."""
    for page in PAGES:
        text = page.read_text().replace('\\\n', ' ')
        for block in re.findall(r'^```\n(.*?)^```', text, re.DOTALL | re.M):
            for line in block.splitlines():
                if line.startswith(('python ', 'make ', 'bash ')):
                    yield pytest.param(shlex.split(line, comments=True),
                                       id=f'{page.stem}: {line[:60]}')


@pytest.mark.parametrize('words', [*commands()])
def test_commands_are_those_of_the_tools(words, load_tool):
    program, *words = words
    if program == 'make':
        targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(),
                             re.MULTILINE)
        assert {x for x in words if '=' not in x} <= {*targets}
        return
    if words[:2] == ['-m', 'mmconvnextv2']:
        words = [f'tools/{words[2]}.py', *words[3:]]
    if words[0] == '-m':
        assert importlib.util.find_spec(words[1])
        return
    for word in words:
        if re.match('(tools|configs|demo|dev|benchmarks)/', word):
            assert (ROOT / word).is_file()
    if program == 'python' and words[0].startswith('tools/'):
        load_tool(Path(words[0]).stem).parse_args(words[1:])


def test_commands_are_found():
    assert len([*commands()]) >= 30
