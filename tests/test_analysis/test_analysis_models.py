import pytest
import torch
from analysis_toy import BACKBONE, toy_backbone, write_config

from mmconvnextv2.analysis import (
    Batch,
    CosineDistance,
    cosine_distance,
    load_model,
    observe,
)
from mmconvnextv2.checkpoint import CheckpointError

_TOY = f"arch={BACKBONE['arch']}, "


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'detector.backbone.'])
@pytest.mark.parametrize('wrap', ['{}', "dict(type='Other', parts=[{}])"])
def test_weights_of_the_backbone_wherever_it_sits(tmp_path, wrap, prefix):
    config = write_config(tmp_path / 'toy.py',
                          f'{_TOY} final_norm=True, out_indices=(0, 1)', wrap)
    backbone = toy_backbone()
    state = {f'{prefix}{k}': v for k, v in backbone.state_dict().items()}
    if prefix:
        state['head.fc.weight'] = torch.zeros(2, 8)
    torch.save(dict(state_dict=state), tmp_path / 'toy.pth')
    model = load_model('x', config, str(tmp_path / 'toy.pth'), device='cpu')
    assert model.name == 'x' and not model.backbone.training
    found = model.backbone.state_dict()
    assert set(found) == set(backbone.state_dict())
    assert all(found[k].equal(v) for k, v in backbone.state_dict().items())


def test_normalises_as_the_config_does(tmp_path):
    config = write_config(tmp_path / 'toy.py', _TOY)
    model = load_model('x', config, None, device='cpu')
    images = torch.tensor([10, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1)
    found = model.preprocess(images).flatten().tolist()
    # The given are BGR, mean and std are RGB.
    assert found == pytest.approx([29 / 4, 18 / 5, 7 / 6])


def test_initial_weights_are_always_the_same(tmp_path):
    config = write_config(tmp_path / 'toy.py', _TOY)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = load_model('x', config, None).backbone.state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    second = load_model('x', config, None).backbone.state_dict()
    assert all(first[k].equal(second[k]) for k in first)
    weight = first['stages.1.0.pointwise_conv1.weight']
    assert weight.std().item() == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize('name, message', [
    ('other', 'other.py has no backbone of type ConvNeXtV2'),
    ('grey', 'grey.py is for images of 1 channels; those of files have 3'),
])
def test_refusals(tmp_path, name, message):
    (tmp_path / 'other.py').write_text(
        "model = dict(backbone=dict(type='ResNet'))\n")
    write_config(tmp_path / 'grey.py', f'{_TOY} in_channels=1')
    with pytest.raises(ValueError, match=message):
        load_model('x', tmp_path / f'{name}.py', None)


def test_vit_of_mae(tmp_path):
    mmpretrain = pytest.importorskip('mmpretrain.models')
    arch = dict(embed_dims=8, num_layers=2, num_heads=1,
                feedforward_channels=16)
    given = mmpretrain.VisionTransformer(arch, img_size=32, patch_size=16)
    given.init_weights()
    state = {f'backbone.{k}': x for k, x in given.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'mae.pth')
    (tmp_path / 'vit.py').write_text(
        "model = dict(backbone=dict(type='VisionTransformer', img_size=32, "
        f"patch_size=16, out_type='avg_featmap', arch={arch}))\n")
    model = load_model('MAE', tmp_path / 'vit.py', str(tmp_path / 'mae.pth'))
    images = torch.randn(3, 3, 32, 32)
    found = observe(model.backbone, [Batch(images, torch.zeros(3))],
                    ('before_grn', 'after_grn', 'output'), CosineDistance())
    assert [(x.layer, x.channels) for x in found.layers()] == [
        (f'layers.{i}', width) for i in (0, 1) for width in (16, 16, 8)]
    # What GELU gives enters the second layer as it is.
    first, second = found.layers()[:2]
    assert first.distance == second.distance
    block = given.layers[0]
    with torch.no_grad():
        x = given.patch_embed(images)[0]
        x = torch.cat([given.cls_token.expand(3, -1, -1), x], 1)
        x = x + given.pos_embed
        x = block.ffn.layers[0](block.ln2(x + block.attn(block.ln1(x))))
    assert first.distance == pytest.approx(cosine_distance(x)[0].mean().item())
    name = 'layers.1.ln1.weight'
    for value, reason in (
            (None, ': it does not hold the backbone of the config:\n'
             f'  missing (1): {name}'),
            (torch.ones(9), ': it does not hold the backbone of the config:\n'
             f'  of another size (1): {name} (9,) where (8,) is expected'),
            (torch.ones(8).int(),
             f': {name} is of torch.int32, where torch.float32 is expected')):
        changed = {**state, f'backbone.{name}': value}
        if value is None:
            del changed[f'backbone.{name}']
        torch.save(dict(state_dict=changed), tmp_path / 'mae.pth')
        with pytest.raises(CheckpointError) as caught:
            load_model('MAE', tmp_path / 'vit.py', str(tmp_path / 'mae.pth'))
        assert str(caught.value) == f'{tmp_path / "mae.pth"}{reason}'
