"""Pictures of the reconstructions of FCMAE."""
import numpy as np
import torch
from torch import Tensor, nn

from mmconvnextv2.images import tile

_GAP = 2  # white pixels between pictures


def to_rgb(images: Tensor, preprocessor: nn.Module) -> Tensor:
    """Undo the normalisation and bring the channels into RGB order.

    Args:
        images (Tensor): (N, C, H, W), preprocessed. Of more than three
            channels the first three are taken, of fewer the first alone.
        preprocessor (nn.Module): ``SelfSupDataPreprocessor`` or the like,
            whose inputs are BGR.

    Returns:
        Tensor: (N, 3, H, W), uint8.
    """
    if getattr(preprocessor, '_enable_normalize', False):
        images = images * preprocessor.std + preprocessor.mean
    images = images.clamp(0, 255).round().byte()
    if images.shape[1] < 3:
        return images[:, :1].expand(-1, 3, -1, -1)
    is_rgb = getattr(preprocessor, '_channel_conversion', False)
    return images[:, :3] if is_rgb else images[:, :3].flip(1)


@torch.no_grad()
def draw_reconstructions(model: nn.Module, inputs: Tensor,
                         is_masked: Tensor) -> np.ndarray:
    """Draw masked images and their reconstructions.

    Patches of the reconstruction are un-normalised by the mean and variance
    that normalised their targets. Predictions of visible patches carry no
    loss, so the last column shows the visible patches themselves.

    Args:
        model (nn.Module): ``FCMAE``.
        inputs (Tensor): (N, C, H, W), preprocessed.
        is_masked (Tensor): (N, h, w), bool, True = masked.

    Returns:
        ndarray: (N * (H + gap), 4 * (W + gap), 3), uint8, RGB. A row per
        image: original, masked, reconstruction, and reconstruction with the
        visible patches pasted back.
    """
    was_training = model.training
    model.eval()
    pred, _ = model.reconstruct(inputs, is_masked)
    model.train(was_training)
    reconstruction = model.head.to_images(pred, inputs)
    side = inputs.shape[-1] // is_masked.shape[-1]
    hidden = is_masked.to(inputs.device)[:, None].repeat_interleave(
        side, 2).repeat_interleave(side, 3)
    columns = (inputs, inputs.masked_fill(hidden, 0.), reconstruction,
               torch.where(hidden, reconstruction, inputs))
    columns = [to_rgb(x.float(), model.data_preprocessor) for x in columns]
    pictures = torch.stack(columns, dim=1).flatten(0, 1)
    return tile(
        pictures.permute(0, 2, 3, 1).cpu().numpy(), len(columns), _GAP, 255)
