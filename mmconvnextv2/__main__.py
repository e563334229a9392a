"""Run a tool of the installed package: ``python -m mmconvnextv2 train ...``.

For installations without a checkout, whose tools lie in ``.mim/tools`` and
whose demonstrations lie in ``.mim/demo``.
"""
import runpy
import sys
from pathlib import Path

FOLDERS = [Path(__file__).parent / '.mim' / x for x in ('tools', 'demo')]


def main() -> None:
    """Run the tool that the first argument names with the other arguments."""
    tools = {path.stem: path for folder in FOLDERS
             for path in sorted(folder.glob('[!_]*.py'))}
    name = sys.argv[1] if len(sys.argv) > 1 else ''
    if name not in tools:
        print(
            f"usage: python -m mmconvnextv2 {{{','.join(tools)}}} ...\n"
            'Each has a --help of its own.',
            file=sys.stderr)
        sys.exit(0 if name in ('-h', '--help') else 2)
    sys.argv = [str(tools[name]), *sys.argv[2:]]
    # As when Python is given the file: it may import what lies beside it.
    sys.path.insert(0, str(tools[name].parent))
    runpy.run_path(sys.argv[0], run_name='__main__')


if __name__ == '__main__':
    main()
