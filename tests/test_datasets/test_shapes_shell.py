"""The shapes data set, written from the shell."""
import subprocess
import sys

import pytest

from mmconvnextv2.datasets import make_shapes, shapes

pytest.importorskip('pycocotools')


def _contents(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob('*') if path.is_file()
    }


def test_two_processes_at_once_from_the_shell(tmp_path):
    command = [
        sys.executable, '-m', 'mmconvnextv2.datasets.shapes', 'data/shapes',
        '--num-train', '30', '--num-val', '5'
    ]
    processes = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True) for _ in range(2)
    ]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert 'The shapes data set is in data/shapes' in out
        assert 'RuntimeWarning' not in err
    assert [p.name for p in (tmp_path / 'data').iterdir()] == ['shapes']
    alone = make_shapes(tmp_path / 'alone', 30, 5)
    assert _contents(tmp_path / 'data' / 'shapes') == _contents(alone)


def test_shell_errors_are_short(tmp_path, capsys):
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit) as stop:
        shapes.main([str(tmp_path)])
    assert stop.value.code == 2
    assert 'is not a shapes data set' in capsys.readouterr().err
