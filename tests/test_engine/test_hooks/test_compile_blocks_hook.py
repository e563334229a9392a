import logging
from types import SimpleNamespace

import pytest
import torch
from fcmae_toy import train_config, write_images
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2.engine import CompileBlocksHook
from mmconvnextv2.models.layers import ConvNeXtV2Block

HOOK = dict(type='mmconvnextv2.CompileBlocksHook', backend='aot_eager')

pytestmark = pytest.mark.usefixtures('graphs')


def train(folder, name, **hooks):
    """Train FCMAE for two epochs; returns its last checkpoint."""
    cfg = dict(train_config(folder), experiment_name=name,
               randomness=dict(seed=0), work_dir=str(folder / name))
    cfg['default_hooks'].update(hooks)
    Runner.from_cfg(Config(cfg)).train()
    return torch.load(folder / name / 'epoch_2.pth', weights_only=False)


def test_training_is_the_same(tmp_path, graphs):
    write_images(tmp_path / 'images')
    expected = train(tmp_path, 'plain')['state_dict']
    assert not graphs['unique_graphs']
    found = train(tmp_path, 'compiled', compile_blocks=HOOK)['state_dict']
    # Two stages, and the decoder's block, over whole maps.
    assert graphs['unique_graphs'] == 3
    assert list(found) == list(expected)
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4,
                                   atol=1e-5)


def runner_of(model):
    return SimpleNamespace(model=model, logger=logging.getLogger('compiling'))


def test_says_what_it_does(caplog):
    logging.disable(logging.NOTSET)
    model = nn.Sequential(ConvNeXtV2Block(4), ConvNeXtV2Block(4))
    with caplog.at_level(logging.INFO, 'compiling'):
        CompileBlocksHook(dynamic=True).before_run(runner_of(model))
    assert caplog.messages == [
        'torch.compile: 2 blocks',
        'torch.compile: on a CPU blocks are faster as they are; leave '
        'CompileBlocksHook out there']


def test_refuses_a_model_without_blocks():
    with pytest.raises(
            ValueError,
            match='^CompileBlocksHook found no ConvNeXtV2Block in the model, '
            'a Linear; leave it out of the hooks$'):
        CompileBlocksHook().before_run(runner_of(nn.Linear(1, 1)))


def test_refuses_an_unknown_mode_before_training():
    with pytest.raises(ValueError, match='^torch.compile does not take '):
        CompileBlocksHook(mode='fast').before_run(
            runner_of(ConvNeXtV2Block(4)))
