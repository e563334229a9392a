"""Let MkDocs build the site from the pages as they lie in the repository.

A hook of ``mkdocs.yml``. README.md becomes the first page; whatever a page
links to outside ``docs/`` comes along, a source file as a page of its text.
The API page lists what the package registers.
"""
import os.path as osp
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r'(\]\()(?!https?:|#)([^)#\s]+)')
_LANGUAGES = {'.py': 'python', '.yml': 'yaml', '.sh': 'bash'}


def _place(path: Path) -> str:
    """Name the place in the site of a file of the repository."""
    place = path.relative_to(ROOT).as_posix().removeprefix('docs/')
    if place == 'README.md':
        return 'index.md'
    if path.suffix in ('.md', '.jpg', '.png'):
        return place
    return f'{place}.md'


def _linked(page: Path) -> list[Path]:
    links = _LINK.findall(page.read_text(encoding='utf-8'))
    return [(page.parent / link).resolve() for _, link in links]


def _api() -> str:
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / 'mmconvnextv2').rglob('*.py')):
        module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        for registry, name in re.findall(
                r'^@(?:register\()?([A-Z_]+)[).].*\n(?:@.*\n)*class (\w+)',
                path.read_text(encoding='utf-8'), re.MULTILINE):
            found.setdefault(registry, []).append(f'::: {module}.{name}\n')
    return ('# API\n\nWhat a config builds, by registry. The type is written '
            "`'mmconvnextv2.NAME'`.\n\n" + '\n'.join(
                f'## {registry}\n\n' + '\n'.join(names)
                for registry, names in found.items()))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that pages link to, and those that these link to."""
    sources = {ROOT / 'README.md': None}
    waiting = [*sources, *(ROOT / 'docs').glob('*.md')]
    while waiting:
        for path in _linked(waiting.pop()):
            if path.is_file() and ROOT / 'docs' not in path.parents and (
                    path not in sources):
                sources[path] = None
                if path.suffix == '.md':
                    waiting.append(path)
    files.append(File.generated(config, 'api.md', content=_api()))
    for path in sources:
        if path.suffix in ('.md', '.jpg', '.png'):
            files.append(File.generated(config, _place(path),
                                        abs_src_path=str(path)))
        else:
            text = path.read_text(encoding='utf-8')
            files.append(File.generated(
                config, _place(path), content=f'# {path.name}\n\n'
                f'```{_LANGUAGES.get(path.suffix, "text")}\n{text}```\n'))
    return files


def on_page_markdown(markdown: str, page: Page, **kwargs: Any) -> str:
    """Make the links of the repository those of the site."""
    if page.file.abs_src_path is None:  # made here: no links
        return markdown
    here = Path(page.file.abs_src_path)
    folder = osp.dirname(page.file.src_uri)

    def move(match: re.Match) -> str:
        target = _place((here.parent / match[2]).resolve())
        return match[1] + osp.relpath(target, folder or '.')

    return _LINK.sub(move, markdown)
