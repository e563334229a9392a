"""MMEngine's loaders, replaced for a time by one that runs nothing."""
import json
from pickle import UnpicklingError

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.checkpoint.loading import (
    load_from_path_or_url,
    load_own_checkpoints,
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
    content = load_from_path_or_url(file, 'meta')
    assert content['state_dict']['head'].device.type == 'meta'
    content = load_from_path_or_url(file)
    assert content['meta'] == dict(epoch=2, cfg='b = 2')
    assert content['state_dict']['backbone.a'].tolist() == [1, 1]
    buffer = content['message_hub']['log_scalars']['loss']
    assert type(buffer) is HistoryBuffer and buffer.current() == 0.5


def loader_of(address):
    return CheckpointLoader._get_checkpoint_loader(address)


@pytest.mark.parametrize(
    'prefix', ['', 'http://', 'https://', 's3://', 'a:s3://', 'petrel://'])
def test_loaders_are_replaced_for_a_time(prefix):
    before = loader_of(f'{prefix}w.pth')
    # mmengine 0.10.7's loader of local files is replaced on import.
    is_ours = before.__module__.startswith('mmconvnextv2.')
    assert not is_ours or prefix == ''
    with safe_loading():
        assert loader_of(f'{prefix}w.pth') is not before
        with safe_loading():
            pass
        assert loader_of(f'{prefix}w.pth').__module__.startswith(
            'mmconvnextv2.')
    assert loader_of(f'{prefix}w.pth') is before


def test_loaders_are_put_back_after_an_error():
    before = list(CheckpointLoader._schemes.items())
    load_from_http = mmengine_checkpoint.load_from_http
    with pytest.raises(ZeroDivisionError), safe_loading():
        raise ZeroDivisionError
    assert list(CheckpointLoader._schemes.items()) == before
    assert mmengine_checkpoint.load_from_http is load_from_http


def test_loaders_of_a_project_stay():

    def own(filename, map_location):
        return {}

    for prefix in ('hub://', 'https://'):
        CheckpointLoader.register_scheme(prefix, own, force=True)
    with safe_loading():
        for url in ('hub://w', 'https://w'):
            assert loader_of(url) is own


def test_old_torch_keeps_the_loaders(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.5.1')
    before = dict(CheckpointLoader._schemes)
    with safe_loading():
        assert before == CheckpointLoader._schemes


@pytest.mark.parametrize('scheme, names', [
    ('openmmlab', None),
    ('mmcls', 'get_mmcls_models'),
    ('torchvision', 'get_torchvision_models'),
    ('modelzoo', 'get_torchvision_models'),
])
def test_names_of_lists(file, tmp_path, monkeypatch, scheme, names):
    read = []
    url = 'https://x.org/w.pth'
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    (tmp_path / 'open_mmlab.json').write_text(json.dumps(dict(net=url)))
    if names:
        monkeypatch.setattr(mmengine_checkpoint, names, lambda: dict(net=url))

    def download(url):
        read.append(url)
        return file

    monkeypatch.setattr('mmconvnextv2.checkpoint.io.download_once', download)
    with safe_loading():
        found = loader_of(f'{scheme}://net')(f'{scheme}://net', 'cpu')
    assert read == [url]
    # Those of mmcls lose the prefix, and what has none.
    assert list(found['state_dict']) == (['a'] if scheme == 'mmcls' else
                                         ['backbone.a', 'head'])


def test_local_files_of_a_list_are_read_safely(file, tmp_path, monkeypatch):
    monkeypatch.setenv('MMENGINE_HOME', str(tmp_path))
    torch.save([print], tmp_path / 'code.pth')
    (tmp_path / 'open_mmlab.json').write_text(
        json.dumps(dict(net='w.pth', code='code.pth')))
    with safe_loading():
        load = loader_of('open-mmlab://net')
        assert load('open-mmlab://net', 'cpu')['meta'] == dict(
            epoch=2, cfg='b = 2')
        with pytest.raises(CheckpointError, match='code.pth: it asks for pri'):
            load('open-mmlab://code')
        with pytest.raises(CheckpointError) as caught:
            load('openmmlab://other')
    assert str(caught.value) == (
        'openmmlab://other: MMEngine knows no such name, nor has '
        'MMENGINE_HOME/open_mmlab.json it')


def test_only_errors_of_optimizers_are_explained():
    with pytest.raises(ValueError, match='^other$'), safe_loading():
        raise ValueError('other')


@pytest.fixture
def classic(monkeypatch):
    """MMEngine's reader as of mmengine 0.10.7, whatever is installed."""
    monkeypatch.delattr(
        mmengine_checkpoint, 'get_torch_safe_globals', raising=False)
    CheckpointLoader.register_scheme(
        '', lambda filename, map_location: torch.load(
            filename, map_location=map_location), force=True)


def test_classic_mmengine_reads_its_own_checkpoints(classic, file):
    model = torch.nn.Module()
    model.register_buffer('head', torch.zeros(1))
    with pytest.raises(UnpicklingError, match='[Ww]eights'):
        load_checkpoint(model, file)
    load_own_checkpoints()
    found = load_checkpoint(model, file)
    assert model.head.item() == 1
    assert found['message_hub']['log_scalars']['loss'].current() == 0.5


@pytest.mark.parametrize('version, allows_itself', [('2.5.1', False),
                                                    ('2.13.0', True)])
def test_reader_that_needs_no_bridge_is_left_alone(monkeypatch, classic,
                                                   version, allows_itself):
    monkeypatch.setattr(torch, '__version__', version)
    if allows_itself:
        monkeypatch.setattr(mmengine_checkpoint, 'get_torch_safe_globals',
                            list, raising=False)
    before = dict(CheckpointLoader._schemes)
    load_own_checkpoints()
    assert before == CheckpointLoader._schemes
