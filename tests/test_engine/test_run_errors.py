"""The line that ends a run."""
import errno

import pytest
from mmengine.config import Config

from mmconvnextv2.datasets.damaged import DamagedDataError
from mmconvnextv2.engine import run_errors
from mmconvnextv2.engine.hooks import NonFiniteError

RAISED = ('Caught DamagedDataError in DataLoader worker process 0.\nOriginal '
          'Traceback (most recent call last):\n  File "x.py", line 1\n'
          'mmconvnextv2.datasets.damaged.DamagedDataError: a.jpg: no.\n')


@pytest.mark.parametrize('error, message', [
    (DamagedDataError(RAISED), 'a.jpg: no.'),
    (NonFiniteError('Stopped: NaN.'), 'Stopped: NaN.'),
    (OSError(errno.ENOSPC, 'No space left', 'f'), 'f: No space left.'),
    (OSError(errno.EROFS, 'Read-only'), '{work_dir}: Read-only.'),
])
@pytest.mark.parametrize('split, left', [
    ('train', ' There is no checkpoint yet.'),
    ('test', ''),
])
def test_what_ends_a_run_without_a_traceback(tmp_path, error, message, split,
                                             left):
    cfg = Config(dict(work_dir=str(tmp_path)))
    with pytest.raises(run_errors.RunError) as caught, \
            run_errors.explained_errors(cfg, (split, )):
        raise error
    assert caught.value.exit_code == 1 and caught.value.is_of_each_process
    assert str(caught.value) == message.format(work_dir=tmp_path) + left


@pytest.mark.parametrize('error', [
    RuntimeError('DataLoader worker (pid 1) is killed by signal: Killed.'),
    OSError(errno.ENOENT, 'No such file', 'f'),
    EOFError(),
])
def test_line_above_other_tracebacks(tmp_path, capsys, error):
    cfg = Config(dict(work_dir=str(tmp_path)))
    with pytest.raises(type(error)) as caught, \
            run_errors.explained_errors(cfg, ('train', )):
        raise error
    assert caught.value is error
    assert capsys.readouterr().err == (
        'Failed while starting the run. There is no checkpoint yet.\n')
