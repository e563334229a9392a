"""What tools/train.py tells of mistakes in configs."""
import copy
import re
import signal
import subprocess
import sys
from pathlib import Path

import mmengine.runner.runner
import pytest
from config_mutations import CLS, DET, GRN, MUTATIONS, SEG, SSL
from config_run import LEAVES, ROOT
from mmengine.config import Config
from one_step import reduce

_SECONDS = 400  # until a run counts as hanging
_VALIDATION = ('val_cfg', 'val_dataloader', 'val_evaluator')


@pytest.fixture(scope='module')
def small(folder):
    """The bases, made small, by name."""
    return {name: _small(name) for name in (CLS, DET, SEG, SSL, GRN)}


def _small(name):
    cfg = Config.fromfile(LEAVES[name])
    kept = {key: cfg.get(key) for key in _VALIDATION}
    reduce(cfg, Path('run'))
    if kept['val_cfg'] is not None:
        kept['val_dataloader'].update(num_workers=0, persistent_workers=False)
        cfg.update(kept)
        cfg.train_cfg.val_interval = 1
    settings = cfg.to_dict()
    del settings['experiment_name']
    return settings


@pytest.fixture
def train(folder, load_tool, monkeypatch):
    """Function that runs tools/train.py on a config within a time limit."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setattr(Config, 'pretty_text', '')
    monkeypatch.setattr(mmengine.runner.runner, 'collect_env', dict)
    tool = load_tool('train')

    def hangs(number, frame):
        raise SystemExit(f'hung for {_SECONDS} s')

    def run(settings):
        (folder / 'mutated.py').write_text('\n'.join(
            f'{key} = {value!r}' for key, value in settings.items()))
        signal.alarm(_SECONDS)
        return tool.main(['mutated.py', '--overwrite'])

    before = signal.signal(signal.SIGALRM, hangs)
    yield run
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize('name', [CLS, DET, SEG, SSL, GRN])
def test_base_trains(small, train, capsys, name):
    assert train(small[name]) == 0
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('mutation', MUTATIONS, ids=lambda x: x.name)
def test_mistake_is_told_with_its_place(small, train, capsys, mutation):
    settings = copy.deepcopy(small[mutation.base])
    mutation.apply(settings)
    if mutation.code == 1:  # The traceback is Python's.
        with pytest.raises(Exception):  # noqa: B017
            train(settings)
        places = '|'.join(map(re.escape, mutation.place.split(' or ')))
        assert re.match(rf'Failed while ({places})( \(\S*\).*)?\. There is no '
                        r'checkpoint yet\.\n', capsys.readouterr().err)
        return
    assert train(settings) == mutation.code
    message = capsys.readouterr().err
    assert message.startswith('train.py: ')
    assert f'{mutation.place}: ' in message and mutation.says in message


@pytest.mark.parametrize('tool, options, named', [
    ('train', ['train_dataloder.batch_size=2'],
     "--cfg-options train_dataloder.batch_size: the config has no key"),
    ('train', ['train_dataloader.batch_size'], 'expected KEY=VALUE'),
    ('test', ['test_evaluator.type=Acuracy'],
     "  test_evaluator.type: there is no metric 'Acuracy' in mmpretrain. "
     "Did you mean 'Accuracy'"),
])
def test_as_users_start_it(folder, tool, options, named):
    (folder / 'weights.pth').touch()
    checkpoint = ['weights.pth'] if tool == 'test' else []
    done = subprocess.run(
        [sys.executable, ROOT / 'tools' / f'{tool}.py', f'{CLS}.py',
         *checkpoint, '--work-dir', 'started', '--cfg-options', *options],
        cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    assert 'Traceback' not in done.stderr


def test_traceback_stands_below_the_place(folder):
    done = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'train.py', f'{CLS}.py',
         '--work-dir', 'failed', '--cfg-options',
         'model.head.num_classes=few'],
        cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    assert done.returncode == 1, done.stderr
    line, _, rest = done.stderr.partition(
        'Failed while building model.head (LinearClsHead). There is no '
        'checkpoint yet.\n')
    assert rest.startswith('Traceback (most recent call last):\n')
