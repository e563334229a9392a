"""Pictures of what FCMAE reconstructs."""
import numpy as np
import torch
from torch import Tensor, nn

_GAP = 2  # white pixels between pictures


def to_rgb(images: Tensor, preprocessor: nn.Module) -> Tensor:
    """Undo the normalisation and bring the channels into the order of RGB.

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
    """Draw what a model makes of masked images.

    Patches of the reconstruction are un-normalised by the mean and variance
    that their targets were normalised by. The model's own output for visible
    patches carries no loss, so they are pasted back in the last column.

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
    return _tile(torch.stack(columns, dim=1))


def _tile(pictures: Tensor) -> np.ndarray:
    """(rows, columns, 3, H, W) to one picture (height, width, 3)."""
    pictures = nn.functional.pad(pictures, (0, _GAP, 0, _GAP), value=255)
    rows = pictures.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return rows.cpu().numpy()
