"""FCMAE configs: what they build, and a short run of the one on shapes."""
import pytest
from config_run import CONFIGS, scalars, train
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2.datasets import make_shapes


def load(name):
    return Config.fromfile(CONFIGS / f'fcmae_convnextv2_{name}.py')


@pytest.mark.parametrize('name', ['a_shapes', 'a_in1k', 'n_in1k'])
def test_model_and_decay(name):
    cfg = load(name)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
        # Mixed precision needs a GPU to be built.
        wrapper = ConfigDict(cfg.optim_wrapper, type='OptimWrapper')
        wrapper.pop('dtype', None)
        wrapper = build_optim_wrapper(model, wrapper)
    decays = {
        id(group['params'][0]): group['weight_decay']
        for group in wrapper.optimizer.param_groups
    }
    names = {
        name
        for name, param in model.named_parameters() if decays[id(param)] == 0
    }
    assert names == {
        name
        for name, param in model.named_parameters()
        if name.endswith(('bias', 'gamma', 'beta', 'mask_token'))
        or param.ndim == 1
    }
    assert any('grn.gamma' in x for x in names)
    assert 'neck.mask_token' in names
    assert wrapper.clip_grad_kwargs['max_norm'] > 0


def test_shapes_config_trains(tmp_path):
    make_shapes(tmp_path / 'data' / 'shapes', num_train=32, num_val=2)
    train(tmp_path, CONFIGS / 'fcmae_convnextv2_a_shapes.py',
          'train_cfg.max_epochs=1', 'param_scheduler=None',
          'default_hooks.logger.interval=1')
    trained, _ = scalars(tmp_path / 'work_dirs' / 'fcmae_convnextv2_a_shapes')
    assert [x['iter'] for x in trained] == [1, 2]
    # Targets are normalised: predicting the mean of each patch costs 1.
    assert 0.8 < trained[0]['loss'] < 1.6
    assert trained[0]['grad_norm'] > 0
    # 4 x 4 patches, of which int(16 * 0.4) = 6 are visible.
    assert trained[0]['mask_ratio'] == pytest.approx(10 / 16)
