"""An exported classifier in int8, run without PyTorch."""
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quantised_file_runs_like_its_source(tmp_path):
    for package in ('nncf', 'openvino', 'onnxscript'):
        pytest.importorskip(package)
    from run_exported import ExportedModel
    rng = np.random.default_rng(0)
    for i in range(5):
        cv2.imwrite(str(tmp_path / f'{i}.png'),
                    rng.integers(0, 255, (70 + 9 * i, 80, 3), dtype='u1'))

    def run(script, *arguments):
        return subprocess.run([sys.executable, ROOT / script, *arguments],
                              cwd=tmp_path, capture_output=True, text=True)

    done = run('tools/export.py', 'convnextv2_a_ft_shapes', 'model.xml',
               '--format', 'openvino', '--dynamic')
    assert done.returncode == 0, done.stderr
    arguments = 'model.xml', '.', 'int8.xml', '--number', '4'
    done = run('demo/quantize_exported.py', *arguments)
    assert done.returncode == 0, done.stderr
    source, quantised = (ExportedModel(tmp_path / name)(tmp_path / '3.png')
                         for name in ('model.xml', 'int8.xml'))
    np.testing.assert_allclose(quantised, source, atol=0.02)
    assert not np.array_equal(quantised, source)
    sizes = [(tmp_path / x).stat().st_size for x in ('model.bin', 'int8.bin')]
    assert sizes[1] < 0.3 * sizes[0]
    assert run('demo/quantize_exported.py', *arguments).returncode == 2
