"""Find a config file by its path, or by its name among those shipped.

From the shell: ``python -m mmconvnextv2.config.find NAME`` prints the path,
for tools that want one.
"""
import argparse
import difflib
import os
from pathlib import Path
from typing import List, Optional


def configs_folder() -> Path:
    """Folder of the configs that come with this package.

    It is the package's own ``.mim/configs``, real files in an installed wheel
    and a link to ``configs`` in a checkout.
    """
    package = Path(__file__).resolve().parents[1]
    return (package / '.mim' / 'configs').resolve()


def shipped_configs() -> List[str]:
    """File names of the configs that can be run, sorted."""
    return sorted(path.name for path in configs_folder().glob('*.py'))


def find_config(name: str) -> Path:
    """Find a config file.

    Args:
        name (str): Path of the file; or a bare file name (also with
            ``configs/`` in front) of a config that comes with this package.
            A missing ``.py`` is added.

    Returns:
        Path: The file.

    Raises:
        FileNotFoundError: If there is none; names the most similar ones.
    """
    asked = Path(name).expanduser()
    folders = [asked.parent]
    if asked.parent in (Path('.'), Path('configs')):
        folders.append(configs_folder())
    for folder in folders:
        for file in (asked.name, f'{asked.name}.py'):
            if (folder / file).is_file():
                return folder / file
    raise FileNotFoundError(_not_found(name, asked.name))


def _not_found(name: str, file: str) -> str:
    shipped = shipped_configs()
    similar = difflib.get_close_matches(file.removesuffix('.py') + '.py',
                                        shipped, n=3, cutoff=0.5)
    listed, title = ((similar, 'Similar names there') if similar else
                     (shipped, 'There are'))
    return (f'there is no config file {name!r}, neither seen from '
            f'{os.getcwd()} nor in {configs_folder()}. {title}: '
            f"{', '.join(listed) or 'none'}.")


def main(argv: Optional[List[str]] = None) -> None:
    """Print the path of a config."""
    parser = argparse.ArgumentParser(description='Print the path of a config.')
    parser.add_argument('name', help='path, or name of one of ours')
    args = parser.parse_args(argv)
    try:
        print(find_config(args.name).resolve())
    except FileNotFoundError as error:
        parser.error(str(error))


if __name__ == '__main__':
    main()
