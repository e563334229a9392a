"""Tables and figures, which appear whole or not at all."""
import csv
import io
from pathlib import Path
from typing import Any, Iterable, Sequence

from mmconvnextv2.files import write_text, written_whole


def write_csv(path: Path, header: Sequence[str],
              rows: Iterable[Sequence[Any]]) -> Path:
    """Write a table; floats with 6 significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(header)
    for row in rows:
        writer.writerow(
            [f'{x:.6g}' if isinstance(x, float) else x for x in row])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text.getvalue())
    return path


def write_figure(figure: Any, path: Path) -> Path:
    """Write a figure of Matplotlib as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        figure.savefig(part, dpi=120)
    return path
