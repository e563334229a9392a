from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner import load_checkpoint

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.checkpoint.loading import load_own_checkpoints


@pytest.fixture
def classic(monkeypatch):
    """MMEngine's loader as of mmengine 0.10.7, whatever is installed."""
    monkeypatch.delattr(
        mmengine_checkpoint, 'get_torch_safe_globals', raising=False)
    monkeypatch.setattr(
        mmengine_checkpoint, 'load_from_local',
        lambda filename, map_location: torch.load(
            filename, map_location=map_location))
    loader = mmengine_checkpoint.CheckpointLoader
    # A copy, since schemes are registered in place.
    monkeypatch.setattr(loader, '_schemes', loader._schemes.copy())


def test_mmengine_reads_its_own_checkpoints(classic, tmp_path):
    path = str(tmp_path / 'epoch_1.pth')
    torch.save(
        dict(state_dict=torch.nn.Linear(1, 1).state_dict(),
             message_hub=dict(
                 log_scalars=dict(loss=HistoryBuffer([0.5], [1])))), path)
    with pytest.raises(UnpicklingError, match='[Ww]eights'):
        torch.load(path)
    assert load_own_checkpoints() is True
    model = torch.nn.Linear(1, 1)
    found = load_checkpoint(model, path, 'cpu', strict=True)
    assert model.weight.item() == found['state_dict']['weight'].item()
    assert found['message_hub']['log_scalars']['loss'].current() == 0.5


class _Touch:

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path, )


def test_mmengine_runs_nothing_that_a_checkpoint_holds(classic, tmp_path):
    load_own_checkpoints()
    torch.save([_Touch(tmp_path / 'ran')], tmp_path / 'c.pth')
    with pytest.raises(CheckpointError, match=r'asks for pathlib\.Path'):
        load_checkpoint(torch.nn.Linear(1, 1), str(tmp_path / 'c.pth'))
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('version, allows_itself', [('2.5.1', False),
                                                    ('2.13.0', True)])
def test_loader_that_needs_no_bridge_is_left_alone(monkeypatch, classic,
                                                   version, allows_itself):
    monkeypatch.setattr(torch, '__version__', version)
    if allows_itself:
        monkeypatch.setattr(mmengine_checkpoint, 'get_torch_safe_globals',
                            list, raising=False)
    loader = mmengine_checkpoint.CheckpointLoader
    before = dict(loader._schemes)
    assert load_own_checkpoints() is False
    assert loader._schemes == before
