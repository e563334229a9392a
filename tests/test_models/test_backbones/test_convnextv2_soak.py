"""Images of ever other sizes must not leave more and more behind."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import soak
from soak import mean_of

_MB = 2**20


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize('kind, grids', [('whole', 0), ('masked', 3)])
def test_memory_is_flat(kind, grids):
    # oneDNN keeps what it compiles for the sizes met last, for 1024 operators
    # unless told otherwise. That hides what else grows.
    few = dict(LRU_CACHE_CAPACITY='32', ONEDNN_PRIMITIVE_CACHE_CAPACITY='32')
    path = Path(soak.__file__)
    done = subprocess.run([sys.executable, str(path), '500', kind],
                          env={**os.environ, **few},
                          cwd=path.parents[1],
                          capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    samples = [
        json.loads(line) for line in done.stdout.splitlines()
        if line.startswith('{')
    ]
    assert len(samples) == 20
    before = mean_of(samples, 'resident', 150, 300)
    after = mean_of(samples, 'resident', 350, 500)
    print(f'{kind}: {before / _MB:.1f} MB on average in iterations 150 to '
          f'300, {after / _MB:.1f} MB in 350 to 500')
    assert after - before < 8 * _MB
    for key in ('tensors', 'files'):
        assert len({x[key] for x in samples}) == 1, key
    # Python fills a cache of its own now and then. A leak of one object an
    # iteration comes to 475 between the first sample and the last.
    objects = [x['objects'] for x in samples]
    assert max(objects) - min(objects) < 20
    # Of the last iteration, whose output is still there.
    assert {x['grids'] for x in samples} == {grids}
