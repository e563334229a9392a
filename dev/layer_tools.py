"""Compare a backbone that other packages change or watch with plain layers.

Prints a table; exits with 1 if a difference is above 1e-5 of the largest
value. ``dev/layer_tools.sh`` runs it beside the packages.
"""
import sys
import tempfile
from importlib.metadata import version
from typing import Callable, Dict, Iterable, List, Tuple

from mmconvnextv2 import ConvNeXtV2  # before torchvision, for CPU builds

# isort: split

import torch
from accelerate import cpu_offload, disk_offload
from captum.attr import DeepLift, IntegratedGradients, LayerGradCam
from fvcore.nn import FlopCountAnalysis
from opacus import GradSampleModule
from peft import LoraConfig, inject_adapter_in_model
from ptflops import get_model_complexity_info
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn
from torchao import quantization

from mmconvnextv2.ops.dispatch import plain_layers

BOUND = 1e-5
ROWS: Dict[Tuple[str, str], Callable[[], Iterable[Tensor]]] = {}


def row(package: str, what: str, *args: object) -> Callable:
    """Register a function: its tensors are to be those of plain layers."""

    def keep(function: Callable) -> Callable:
        ROWS[package, what] = lambda: function(*args)
        return function

    return keep


def backbone(**kwargs) -> ConvNeXtV2:
    """Build a small backbone whose GRN and LayerScale count."""
    torch.manual_seed(0)
    arch = dict(depths=[1, 1, 2, 1], channels=[32, 32, 64, 64])
    model = ConvNeXtV2(arch, **{'gap_before_final_norm': False, **kwargs})
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model


def images() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def classifier() -> nn.Module:
    """A backbone that gives vectors, as explanations are of."""
    return nn.Sequential(Last(backbone(gap_before_final_norm=True))).eval()


class Last(nn.Module):
    """The last output of a backbone."""

    def __init__(self, model: ConvNeXtV2) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[-1]


@row('peft', 'LoRA of all layers, packed FCMAE: outputs, gradients', 'packed')
@row('peft', 'LoRA of all layers, dense: outputs, gradients', None)
def lora(masked_impl: str) -> List[Tensor]:
    model = backbone(final_norm=False)
    config = LoraConfig(r=64, init_lora_weights=False, target_modules=[
        'depthwise_conv', 'pointwise_conv1', 'pointwise_conv2'])
    model = inject_adapter_in_model(config, model)
    mask = torch.zeros(2, 2, 2, dtype=torch.bool)
    mask[:, 0, 0] = True
    out, = model(images(), mask if masked_impl else None)
    out.square().sum().backward()
    return [out, *(
        p.grad for n, p in model.named_parameters() if 'lora_' in n)]


@row('torchao', 'int8 weights', 'Int8WeightOnlyConfig')
@row('torchao', 'int8 weights and activations',
     'Int8DynamicActivationInt8WeightConfig')
@row('torchao', 'Intx weights', 'IntxWeightOnlyConfig')
@row('torchao', 'float8 weights', 'Float8WeightOnlyConfig')
def quantised(config: str) -> Tuple[Tensor, ...]:
    model = backbone().eval()
    quantization.quantize_(model, getattr(quantization, config)())
    with torch.no_grad():
        return model(images())


@row('accelerate', 'CPU offload', False)
@row('accelerate', 'disk offload', True)
def offloaded(disk: bool) -> Tuple[Tensor, ...]:
    model, device = backbone().eval(), torch.device('cpu')
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        if disk:
            disk_offload(model, folder, device)
        else:
            cpu_offload(model, device)
        return model(images())


@row('captum', 'integrated gradients, DeepLift, LayerGradCam')
def attributed() -> List[Tensor]:
    model = classifier()
    stage = model[0].model.stages[2]
    return [IntegratedGradients(model).attribute(images(), target=3),
            DeepLift(model).attribute(images(), target=3),
            LayerGradCam(model, stage).attribute(images(), target=3)]


@row('grad-cam', 'a stage, a depthwise convolution')
def heat() -> List[Tensor]:
    model = classifier()
    block = model[0].model.stages[2][-1]
    return [torch.tensor(GradCAM(model, [layer])(images(), None))
            for layer in (model[0].model.stages[2], block.depthwise_conv)]


@row('ptflops', 'backend aten', 'aten')
@row('ptflops', 'backend pytorch', 'pytorch')
def operations(backend: str) -> List[Tensor]:
    found = get_model_complexity_info(
        backbone(), (3, 64, 64), as_strings=False, backend=backend,
        print_per_layer_stat=False)
    return [torch.tensor(float(x)) for x in found]


@row('fvcore', 'FlopCountAnalysis')
def traced() -> List[Tensor]:
    count = FlopCountAnalysis(backbone(), images())
    count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return [torch.tensor(float(count.total()))]


@row('opacus', 'V1 block, gradients of each image', {})
@row('opacus', 'V1 block, the same by force_functorch',
     dict(force_functorch=True))
def of_each_image(options: dict) -> List[Tensor]:
    model = backbone(use_grn=False, layer_scale_init_value=1.)
    found = GradSampleModule(model, loss_reduction='sum', **options)
    found(images())[-1].square().sum().backward()
    return [p.grad_sample for p in model.parameters()]


def difference(function: Callable[[], Iterable[Tensor]]) -> float:
    """Largest difference from plain layers, by the largest value."""
    found = [*function()]
    with plain_layers():
        expected = [*function()]
    return max(((a - b).abs().max() / b.abs().max()).item()
               for a, b in zip(found, expected))


def main() -> int:
    """Print the table."""
    print('| package | what | largest difference |\n|---|---|---|')
    failed = 0
    for (package, what), function in ROWS.items():
        found = difference(function)
        failed |= not found < BOUND
        print(f'| {package} {version(package)} | {what} | {found:.1g} |')
    return failed


if __name__ == '__main__':
    sys.exit(main())
