"""Find a config file by its path, or by its name among those shipped.

From the shell: ``python -m mmconvnextv2.config.find NAME`` prints the path,
for tools that want one.
"""
import argparse
import difflib
import os
from pathlib import Path

from mmconvnextv2.text import first_of


def configs_folder() -> Path:
    """Return the folder of the configs that come with this package."""
    # A link in a checkout, real files in an installed wheel.
    return (Path(__file__).resolve().parents[1] / '.mim/configs').resolve()


def shipped_configs() -> dict[str, Path]:
    """Find the configs that can be run: paths by file name, sorted."""
    found = (path for pattern in ('*.py', '[!_]*/*.py')
             for path in configs_folder().glob(pattern))
    return {path.name: path for path in sorted(found, key=lambda x: x.name)}


def find_config(name: str) -> Path:
    """Find a config file by its path, or by the bare name of one of ours.

    ``configs/`` may stand in front of that; a missing ``.py`` is added.

    Raises:
        FileNotFoundError: If there is none; names the most similar ones.
    """
    asked = Path(name).expanduser()
    shipped = shipped_configs()
    names = (asked.name, f'{asked.name}.py')
    places = [asked.parent / name for name in names]
    if asked.parent in (Path('.'), Path('configs')):
        places += [shipped[name] for name in names if name in shipped]
    for path in places:
        if path.is_file():
            return path
    similar = difflib.get_close_matches(
        asked.name.removesuffix('.py') + '.py', shipped, n=3, cutoff=0.5)
    listed = first_of(similar or shipped)
    raise FileNotFoundError(
        f'there is no config file {name!r}, neither seen from {os.getcwd()} '
        f'nor in {configs_folder()}. '
        f"{'Similar names there' if similar else 'There are'}: {listed}.")


def main(argv: list[str] | None = None) -> None:
    """Print the path of a config."""
    parser = argparse.ArgumentParser(description='Print the path of a config.')
    parser.add_argument('name', help='path, or name of a shipped config')
    args = parser.parse_args(argv)
    try:
        print(find_config(args.name).resolve())
    except FileNotFoundError as error:
        parser.error(str(error))


if __name__ == '__main__':
    main()
