"""LayerNorm whose gradients are right in half precision on a CPU."""
import torch
from torch import Tensor, nn

from mmconvnextv2.ops.dispatch import fuses, replaceable
from mmconvnextv2.ops.layer_norm import layer_norm, layer_norm_by_layers

NORM_EPS = 1e-6  # of the papers
_HALF = (torch.float16, torch.bfloat16)


@replaceable
class LayerNorm(nn.LayerNorm):
    """LayerNorm that a CPU computes in float32 at least.

    On GPUs autocast does that. On CPUs PyTorch sums the gradients of weight
    and bias over all sites in the precision of the input, where sums stop
    growing: over the 65536 sites of an image's first stage at 1024 x 1024 they
    come out some 90 % too small.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise over the last dimension; shape and type stay."""
        # torch.fx traces with stand-ins for tensors.
        if isinstance(x, Tensor) and x.is_cpu and x.dtype in _HALF:
            compute = layer_norm if fuses(x) else layer_norm_by_layers
            return compute(x, self.weight, self.bias, self.eps)
        return super().forward(x)


class LayerNorm2d(LayerNorm):
    """The same over the second dimension, best in channels-last memory."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each site of (N, C, H, W); shape stays."""
        # coremltools and pnnx know no movedim.
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
