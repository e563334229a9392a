"""MMEngine's loading by ours, and the loaders that are put back."""
import json

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version

from mmconvnextv2.checkpoint import CheckpointError, write_checkpoint
from mmconvnextv2.checkpoint.loading import (
    load_from_path_or_url,
    safe_loading,
)

pytestmark = pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.6'),
    reason='torch before 2.6 knows no stand-ins')


@pytest.fixture(autouse=True)
def _schemes(monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes',
                        CheckpointLoader._schemes.copy())


@pytest.fixture
def file(tmp_path):
    """A checkpoint such as MMEngine writes."""
    torch.save(
        dict(
            meta=dict(epoch=2, config='a = 1', cfg='b = 2'),
            state_dict={'backbone.a': torch.ones(2), 'head': torch.ones(1)},
            message_hub=dict(log_scalars=dict(
                loss=HistoryBuffer([0.5], [1])))), tmp_path / 'w.pth')
    return str(tmp_path / 'w.pth')


def test_all_of_a_checkpoint_is_loaded_but_the_config_of_mmcv(file):
    content = load_from_path_or_url(file)
    assert content['meta'] == dict(epoch=2, cfg='b = 2')
    assert content['state_dict']['backbone.a'].tolist() == [1, 1]
    buffer = content['message_hub']['log_scalars']['loss']
    assert type(buffer) is HistoryBuffer and buffer.current() == 0.5


def test_map_location(file):
    content = load_from_path_or_url(file, 'meta')
    assert content['state_dict']['head'].device.type == 'meta'


def test_safetensors(tmp_path):
    path = str(tmp_path / 'w.safetensors')
    write_checkpoint({'a': torch.arange(3.)}, path)
    assert load_from_path_or_url(path)['a'].tolist() == [0, 1, 2]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file '.*w.pth'"):
        load_from_path_or_url(str(tmp_path / 'w.pth'))


@pytest.mark.parametrize('prefix', [
    '', 'http://', 'https://', 's3://', 'a:s3://', 'petrel://',
    'torchvision://', 'modelzoo://', 'openmmlab://', 'open-mmlab://',
    'mmcls://'
])
def test_loaders_are_replaced_for_a_time(prefix):

    def loader():
        return CheckpointLoader._get_checkpoint_loader(f'{prefix}w.pth')

    before = loader()
    with safe_loading():
        assert loader().__module__.startswith('mmconvnextv2.')
        with safe_loading():
            pass
        assert loader().__module__.startswith('mmconvnextv2.')
    assert loader() is before


def test_loaders_are_put_back_after_an_error():
    before = list(CheckpointLoader._schemes.items())
    with pytest.raises(ZeroDivisionError), safe_loading():
        raise ZeroDivisionError
    assert list(CheckpointLoader._schemes.items()) == before


def test_loaders_of_a_project_stay():

    def own(filename, map_location):
        return {}

    for prefix in ('hub://', 'https://'):
        CheckpointLoader.register_scheme(prefix, own, force=True)
    with safe_loading():
        for url in ('hub://w', 'https://w'):
            assert CheckpointLoader._get_checkpoint_loader(url) is own


def test_old_torch_keeps_the_loaders(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.5.1')
    before = dict(CheckpointLoader._schemes)
    with safe_loading():
        assert before == CheckpointLoader._schemes


def test_names_of_lists(file, tmp_path, monkeypatch):
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text(json.dumps(dict(mine='w.pth')))
    for name in ('openmmlab://mine', 'open-mmlab://mine'):
        assert load_from_path_or_url(name)['meta']['epoch'] == 2
    with pytest.raises(CheckpointError) as caught:
        load_from_path_or_url('openmmlab://nothing')
    assert str(caught.value).startswith(
        'openmmlab://nothing: there are no weights of that name in the list '
        'of openmmlab, found ')


@pytest.mark.parametrize('scheme, function', [
    ('mmcls', 'get_mmcls_models'),
    ('torchvision', 'get_torchvision_models'),
    ('modelzoo', 'get_torchvision_models'),
])
def test_names_of_other_lists(file, tmp_path, monkeypatch, scheme, function):
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    monkeypatch.setattr(mmengine_checkpoint, function,
                        lambda: dict(net='w.pth'))
    found = load_from_path_or_url(f'{scheme}://net')['state_dict']
    # Those of mmcls lose the prefix, and what has none.
    assert list(found) == (['a'] if scheme == 'mmcls' else
                           ['backbone.a', 'head'])


def test_address_of_an_unknown_kind():
    with pytest.raises(CheckpointError) as caught:
        load_from_path_or_url('ftp://x.org/w.pth')
    assert str(caught.value) == (
        "ftp://x.org/w.pth: MMEngine has no file backend for 'ftp'. Give a "
        'path, or a URL of http or https')
