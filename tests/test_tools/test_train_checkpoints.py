"""Checkpoints that cannot be used, by each way that train.py and test.py have.

On the classic stack this needs the bridge over MMEngine's loading.
"""
import os
from pathlib import Path

import mmengine.runner.runner
import pytest
import torch
from crafted_checkpoints import RECORD, RESUMED, WEIGHTS
from mmengine.runner.checkpoint import CheckpointLoader
from unreliable_server import serving

_REFUSED = 2
_INIT = 'model{0}.init_cfg.type=Pretrained model{0}.init_cfg.checkpoint='
# Tool, its arguments before the file.
_WAYS = {
    'load_from': ('train', '--cfg-options load_from='),
    'resume': ('train', '--resume '),
    'init_cfg of the model': ('train', '--cfg-options ' + _INIT.format('')),
    'init_cfg of the backbone': ('train', '--cfg-options ' +
                                 _INIT.format('.backbone')),
    'test': ('test', ''),
}


@pytest.fixture(autouse=True)
def _world(monkeypatch, tmp_path):
    # It asks compilers for their versions, for a second or more.
    monkeypatch.setattr(mmengine.runner.runner, 'collect_env', dict)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setenv('no_proxy', '*')


@pytest.fixture
def use(toy, load_tool, capsys):
    """Function that uses a checkpoint; returns exit code and message."""

    def use_file(way, checkpoint, *options):
        tool, before = _WAYS[way]
        words = [*(before + str(checkpoint)).split(' '), *options]
        capsys.readouterr()
        schemes = dict(CheckpointLoader._schemes)
        code = load_tool(tool).main(
            [str(toy), *[x for x in words if x], '--work-dir', 'w'])
        assert CheckpointLoader._schemes == schemes
        message = capsys.readouterr().err
        return code, message[message.find(f'{tool}.py: '):]

    return use_file


@pytest.fixture
def trained(toy, load_tool):
    """A checkpoint of the toy task."""
    assert load_tool('train').main([str(toy), '--work-dir', 'first']) == 0
    return Path('first') / 'epoch_1.pth'


def _write(path, content):
    path.write_bytes(content)
    return path.name


@pytest.mark.parametrize('way', _WAYS)
def test_good_ones(use, trained, way):
    code, message = use(way, trained)
    assert code == 0, message


@pytest.mark.parametrize('way', _WAYS)
@pytest.mark.parametrize('content, reason', [
    (b'', '0 bytes): it is empty'),
    (b'<!DOCTYPE html>\n<title>404</title>', '34 bytes): it is a web page, '
     "which begins '<!DOCTYPE html> <title>404</title>'"),
    (b'PK\3\4' + bytes(90), '94 bytes): it is cut off: the directory at its '
     'end is missing'),
])
def test_files_that_are_no_checkpoint(use, tmp_path, way, content, reason):
    code, message = use(way, _write(tmp_path / 'it.pth', content))
    assert code == _REFUSED
    assert f'it.pth is damaged, cut off or no checkpoint ({reason}' in message


def test_damaged_file_to_resume_from_names_a_whole_one(use, trained):
    whole = trained.read_bytes()
    _write(trained.with_name('epoch_2.pth'), whole[:-30])
    code, message = use('resume', 'first/epoch_2.pth')
    assert code == _REFUSED
    assert message == (
        'train.py: first/epoch_2.pth is damaged, cut off or no checkpoint '
        f'({len(whole) - 30} bytes): it is cut off: the directory at its end '
        'is missing\nThe newest whole checkpoint beside it is '
        'first/epoch_1.pth\n')


class Touch:
    """Creates a file when it is unpickled carelessly."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path, )


class MakeFolder(Touch):

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


@pytest.mark.parametrize('way, legacy', [
    *((way, False) for way in _WAYS), ('load_from', True), ('test', True)])
def test_code_in_a_checkpoint_does_not_run(use, trained, tmp_path, way,
                                           legacy):
    content = torch.load(trained, weights_only=False)
    trap = tmp_path / 'ran'
    for payload, reason in (
        (MakeFolder(trap), 'posix.mkdir, which is not loaded: it could run '
         'code. No checkpoint needs that: do not use it.'),
        (Touch(trap), ', which is not loaded: it could run code. If you '),
    ):
        # Beside the weights, where a crafted file would have it.
        content['message_hub']['runtime_info']['x'] = payload
        torch.save(content, 'it.pth',
                   _use_new_zipfile_serialization=not legacy)
        code, message = use(way, 'it.pth')
        assert code == _REFUSED and 'it.pth: it asks for ' in message
        assert reason in message
        assert not trap.exists()
    torch.load('it.pth', weights_only=False)
    assert trap.exists()  # It would have.


def test_config_in_a_checkpoint_is_not_executed(use, trained, tmp_path):
    content = torch.load(trained, weights_only=False)
    content['meta']['config'] = f"import os\nos.mkdir('{tmp_path}/ran')\n"
    torch.save(content, 'it.pth')
    assert use('resume', 'it.pth')[0] == 0
    assert not (tmp_path / 'ran').exists()


class Mine:
    """A class of a project's own."""


def test_class_that_is_not_known_and_one_that_is_allowed(use, trained):
    content = torch.load(trained, weights_only=False)
    content['message_hub']['runtime_info']['mine'] = Mine()
    torch.save(content, 'it.pth')
    name = f'{Mine.__module__}.Mine'
    code, message = use('resume', 'it.pth')
    assert code == _REFUSED
    assert message == (
        f'train.py: it.pth: it asks for {name}, which is not loaded: it could '
        'run code. If you trust who made the file, either allow it, by '
        f'torch.serialization.add_safe_globals([{name}]) in a module that the '
        "config's custom_imports names, or, also if the file is a whole "
        'model, keep nothing but the weights: python -c "import torch; x = '
        "torch.load('it.pth', weights_only=False); x = x if isinstance(x, "
        "dict) else dict(model=x); x = x.get('state_dict', x.get('model', "
        'x)); x = x if isinstance(x, dict) else x.state_dict(); torch.save('
        "dict(state_dict=x), 'weights.pth')\"\n")
    with torch.serialization.safe_globals([Mine]):
        assert use('resume', 'it.pth')[0] == 0
    # The other advice, to the letter.
    exec(message.split('python -c "')[1].rstrip('"\n'))
    assert use('load_from', 'weights.pth')[0] == 0


@pytest.mark.parametrize('content, reason', [
    ([1], 'it.pth: a checkpoint must be a dict'),
    (torch.ones(2), 'it.pth: a checkpoint must be a dict'),
    (dict(epoch=3), ''),
])
@pytest.mark.parametrize('way', _WAYS)
def test_files_without_weights(use, way, content, reason):
    if way == 'init_cfg of the model' and not reason:
        pytest.skip('MMEngine loads what there is')
    torch.save(content, 'it.pth')
    code, message = use(way, 'it.pth')
    assert code == _REFUSED and 'it.pth' in message and reason in message


@pytest.mark.parametrize('way, reason', [
    ('load_from', "first/epoch_1.pth is of another backbone than the "
     "config's:\n"),
    ('resume', 'first/epoch_1.pth does not hold the model of the config:\n'),
    ('init_cfg of the backbone', 'first/epoch_1.pth: the weights, of ConvNeXt '
     'V2 own (depths [1, 1], channels [4, 8]), 3 input channels, do not fit '
     'the backbone:\n'),
    ('test', 'first/epoch_1.pth does not hold the model of the config:\n'),
])
def test_another_size(use, trained, toy, way, reason):
    text = toy.read_text()
    assert 'channels=[4, 8]' in text
    toy.write_text(text.replace('channels=[4, 8]', 'channels=[6, 8]'))
    code, message = use(way, trained)
    assert code == _REFUSED and reason in message, message
    assert 'downsample_layers.0.0.weight (4, 3, 4, 4) where (6, 3, 4, 4) is ' \
        'expected' in message


def test_optimizer_of_another_run(use, trained):
    content = torch.load(trained, weights_only=False)
    content['optimizer']['param_groups'] *= 2
    torch.save(content, 'it.pth')
    code, message = use('resume', 'it.pth')
    assert code == _REFUSED
    assert message == (
        "train.py: the optimizer's state in the checkpoint is of another "
        'optimizer than the config has: loaded state dict has a different '
        'number of parameter groups. Resume with the config that it was '
        'trained with, or begin a run with its weights: --cfg-options '
        'load_from=FILE without --resume\n')


def _use_crafted(use, trained, way, change):
    content = torch.load(trained, weights_only=False)
    change(content)
    torch.save(content, 'it.pth')
    return use(way, 'it.pth')


_RECORD = {**RECORD, **RESUMED}


@pytest.fixture
def groups(toy):
    """Several groups of parameters, and a schedule."""
    toy.write_text(toy.read_text() + """
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01),
    paramwise_cfg=dict(bias_lr_mult=2.))
param_scheduler = [dict(type='PolyLR', end=3)]
""")


@pytest.mark.parametrize('kind', [
    'seed', *(pytest.param(x, marks=pytest.mark.slow) for x in _RECORD)])
def test_crafted_records(groups, use, trained, kind):
    change, message = _RECORD[kind]
    code, text = _use_crafted(use, trained, 'resume', change)
    assert code == _REFUSED, text
    assert text.startswith(f'train.py: it.pth: {message}'), text


@pytest.mark.slow
@pytest.mark.parametrize('way', [
    x for x in _WAYS if x != 'init_cfg of the model'])
@pytest.mark.parametrize('kind', WEIGHTS)
def test_crafted_weights(use, trained, kind, way):
    change, message = WEIGHTS[kind]
    code, text = _use_crafted(use, trained, way, change)
    assert code == _REFUSED, text
    # The checkpoint with its path, and never the config.
    assert 'it.pth' in text.splitlines()[0]
    assert 'config has' not in text.splitlines()[0], text
    if 'backbone' not in way:  # Its names have no prefix there.
        assert message in text, text


_SILENT = 'could not be downloaded (the server was silent for 1 s). Get '


@pytest.mark.parametrize('way, fault, reason', [
    *((way, 'silent', _SILENT) for way in _WAYS),
    *((way, 'cut', 'could not be downloaded (the connection ended after ')
      for way in _WAYS),
    ('load_from', 'gone', 'could not be downloaded (HTTP Error 404: Not '
     'Found). Get '),
    ('load_from', 'page', 'is damaged, cut off or no checkpoint (37 bytes): '
     'it is a web page, which begins '),
])
def test_servers_that_fail(use, trained, monkeypatch, way, fault, reason):
    monkeypatch.setattr('mmconvnextv2.checkpoint.download._SILENCE', 1.)
    with serving(trained.parent) as server:
        url = server.url(f'{fault}/epoch_1.pth')
        code, message = use(way, url)
        assert code == _REFUSED and f'.py: {url} {reason}' in message
        assert os.listdir('hub/checkpoints') == []
        if fault == 'cut':
            code, message = use(way, server.url('file/epoch_1.pth'))
            assert code == 0, message
            assert len(os.listdir('hub/checkpoints')) == 1


def test_code_behind_a_url_does_not_run(use, trained, tmp_path):
    content = torch.load(trained, weights_only=False)
    content['message_hub']['runtime_info']['x'] = Touch(tmp_path / 'ran')
    torch.save(content, trained)
    with serving(trained.parent) as server:
        for way in _WAYS:
            code, message = use(way, server.url('file/epoch_1.pth'))
            assert code == _REFUSED and 'it asks for pathlib' in message
    assert not (tmp_path / 'ran').exists()
