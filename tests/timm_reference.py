"""An independent implementation to compare with: timm's ConvNeXt."""
from typing import Dict

import timm
import torch
from torch import Tensor, nn

from mmconvnextv2 import ConvNeXtV2

_BLOCK = {
    'depthwise_conv': 'conv_dw',
    'norm': 'norm',
    'pointwise_conv1': 'mlp.fc1',
    'grn': 'mlp.grn',
    'pointwise_conv2': 'mlp.fc2',
    'gamma': 'gamma',
}


def timm_name(name: str) -> str:
    """timm's name of the parameter that ``ConvNeXtV2`` calls ``name``."""
    kind, *rest = name.split('.')
    if kind == 'downsample_layers':
        stage, leaf = rest[0], '.'.join(rest[1:])
        return f'stem.{leaf}' if stage == '0' else \
            f'stages.{stage}.downsample.{leaf}'
    if kind == 'stages':
        stage, block, layer, *leaf = rest
        if layer == 'grn':
            leaf = [{'gamma': 'weight', 'beta': 'bias'}[leaf[0]]]
        return '.'.join(
            ['stages', stage, 'blocks', block, _BLOCK[layer], *leaf])
    return '.'.join(['head.norm', *rest])


def timm_twin(backbone: ConvNeXtV2, **kwargs) -> nn.Module:
    """timm's model of the same architecture with the same weights.

    Args:
        backbone (ConvNeXtV2): Four stages, with the last stage's norm only.
        kwargs: Arguments of ``timm.models.ConvNeXt``; ``name`` instead of an
            architecture builds a registered model.
    """
    name = kwargs.pop('name', None)
    kwargs.setdefault('num_classes', 0)
    kwargs.setdefault('in_chans',
                      backbone.downsample_layers[0][0].in_channels)
    if name is not None:
        twin = timm.create_model(name, pretrained=False, **kwargs)
    else:
        twin = timm.models.ConvNeXt(
            depths=backbone.depths, dims=backbone.channels, **kwargs)
    expected = twin.state_dict()
    # timm's smaller models have 1x1 convolutions in place of linear layers.
    state: Dict[str, Tensor] = {
        new: value.reshape(expected[new].shape)
        for new, value in ((timm_name(name), value)
                           for name, value in backbone.state_dict().items())
    }
    twin.load_state_dict(state)
    return twin.to(next(backbone.parameters()).dtype).eval()


def timm_stages(twin: nn.Module, x: Tensor) -> list:
    """The four stages' outputs (N, C_i, H_i, W_i), without an output norm."""
    return twin.forward_intermediates(x, intermediates_only=True)


@torch.no_grad()
def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter, GRN's and LayerScale's too, a random value.

    Weight matrices keep the variance of their input, so that every layer
    counts in the output.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if p.ndim > 1:
            p.copy_(noise / p[0].numel()**0.5)
        elif 'norm' in name and name.endswith('weight'):
            p.copy_(1 + 0.2 * noise)
        else:
            p.copy_(0.5 * noise)
    return model


def relative_error(got: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    assert got.shape == expected.shape
    got, expected = got.detach(), expected.detach()
    return float((got - expected).norm() / expected.norm())


def saved_bytes(model: nn.Module, *inputs: Tensor) -> int:
    """Bytes that autograd keeps for the backward pass, parameters aside."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    storages = {}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            # With x, so that no other tensor gets its address.
            storages[storage.data_ptr()] = (storage.nbytes(), x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        output = model(*inputs)
    total = sum(size for size, _ in storages.values())
    del output
    return total
