"""Configs with classes instead of names."""
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.model import BaseModel
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from new_style import write_new_style
from torch.optim import SGD

from mmconvnextv2.config.check import read_config
from mmconvnextv2.config.find import find_config
from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.config.walk import name_types, scope_of, type_name
from mmconvnextv2.errors import CommandError
from mmconvnextv2.inference.predict import recognise_task

_TASKS = dict(
    maskrcnn_convnextv2_a_shapes='detection',
    upernet_convnextv2_a_shapes='segmentation',
    convnextv2_a_ft_shapes='classification',
    fcmae_convnextv2_a_shapes='reconstruction')


@pytest.mark.parametrize('name', _TASKS)
def test_reads_as_its_old_style_twin(tmp_path, name):
    old = read_config(find_config(name))
    path = tmp_path / 'new.py'
    write_new_style(old, tmp_path / 'new_base.py', path)
    new = Config.fromfile(path)
    assert isinstance(new.model.type, type)
    assert recognise_task(new) == _TASKS[name]
    assert recipe({**new.to_dict(), 'default_scope': old.default_scope}
                  )['lr'] == recipe(old)['lr']
    new = read_config(path).to_dict()
    assert new == {k: x for k, x in old.to_dict().items()
                   if k != 'custom_imports'}


class _Own(BaseModel):

    def forward(self):
        pass


def test_classes_of_no_registry_stay():
    cfg = Config(dict(
        model=dict(type=_Own, layer=dict(type=SGD, constructor=EMAHook)),
        hooks=[dict(type=EMAHook, begin=SGD)]))
    name_types(cfg)
    assert cfg.to_dict() == dict(
        default_scope=None,
        model=dict(type=_Own, layer=dict(type='SGD', constructor='EMAHook')),
        hooks=[dict(type='EMAHook', begin=SGD)])


@pytest.mark.parametrize('kind, scope', [
    ('mmdet.MaskRCNN', 'mmdet'), ('MaskRCNN', None), (None, None),
    ('mmconvnextv2.FCMAE', None), (SGD, None)])
def test_scope_of_a_type(kind, scope):
    assert scope_of(kind) == scope


@pytest.fixture
def new(tmp_path):
    old = read_config(find_config('convnextv2_a_ft_shapes'))
    write_new_style(old, tmp_path / 'new_base.py', tmp_path / 'new.py')
    return str(tmp_path / 'new.py')


def test_tools_see_no_difference(new, tmp_path, load_tool, capsys):
    printed = []
    for config in ('convnextv2_a_ft_shapes', new):
        assert load_tool('print_config').main([config, '--json']) == 0
        assert load_tool('get_flops').main([config]) == 0
        torch.manual_seed(0)
        assert load_tool('export').main(
            [config, str(tmp_path / 'x.pt2'), '--format', 'torch_export',
             '--force', '--shape', '32', '32']) == 0
        printed.append(re.findall(r'[\w.]+', capsys.readouterr().out.replace(
            'convnextv2_a_ft_shapes', 'new')))
    assert printed[0] == printed[1]
    assert 'classifier' in printed[1]  # It had been the backbone.


@pytest.mark.parametrize('kind, is_read', [
    (OptimWrapper, True), ('OptimWrapper', True), (AmpOptimWrapper, True),
    ('mmengine.AmpOptimWrapper', True), (SGD, False)])
def test_amp(load_tool, kind, is_read):
    cfg = Config(dict(optim_wrapper=dict(type=kind)))
    tool = load_tool('train')
    if is_read:
        tool.set_amp(cfg)
        assert type_name(cfg.optim_wrapper) == 'AmpOptimWrapper'
    else:
        with pytest.raises(CommandError, match='the config has SGD'):
            tool.set_amp(cfg)
