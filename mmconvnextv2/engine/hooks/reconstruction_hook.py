"""Pictures of reconstructions while FCMAE trains."""
from typing import Optional

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmconvnextv2.engine.strategies.sharding import whole_model
from mmconvnextv2.registry import HOOKS, register
from mmconvnextv2.visualization.reconstruction import draw_reconstructions


@register(HOOKS)
class ReconstructionHook(Hook):
    """Draw reconstructions after every so many epochs, and after the last.

    The images are the first that training sees, the same under the same masks
    each time, so that progress shows; a resumed run takes its own first. Each
    is a row of original, masked, reconstruction, and reconstruction with the
    visible patches pasted back. The pictures go to the backends of the
    runner's visualiser, as ``reconstruction``. Drawing takes nothing from the
    generators that training draws from.

    Args:
        interval (int): Epochs between two pictures. Defaults to 1.
        num_images (int): How many images to draw, at most a batch. Defaults
            to 8.
        seed (int): Seed of the masks. Defaults to 0.

    Raises:
        ValueError: If a number is not positive.
    """

    priority = 'LOW'

    def __init__(self,
                 interval: int = 1,
                 num_images: int = 8,
                 seed: int = 0) -> None:
        if interval < 1 or num_images < 1:
            raise ValueError(
                'ReconstructionHook: interval and num_images must be '
                f'positive, got {interval} and {num_images}')
        self.interval = interval
        self.num_images = num_images
        self.seed = seed
        self._images: Optional[Tensor] = None

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Keep the first images."""
        if self._images is None:
            self._images = data_batch['inputs'][:self.num_images].clone()

    def after_train_epoch(self, runner: Runner) -> None:
        """Draw, if it is time to."""
        if self.every_n_epochs(runner, self.interval) or \
                self.is_last_train_epoch(runner):
            model = whole_model(runner, main_only=True)
            if is_main_process():
                self._draw(runner, model)

    def _draw(self, runner: Runner, model: nn.Module) -> None:
        data = dict(inputs=self._images, data_samples=None)
        inputs = model.data_preprocessor(data)['inputs']
        generator = torch.Generator().manual_seed(self.seed)
        is_masked = model.draw_mask(inputs, generator)
        picture = draw_reconstructions(model, inputs, is_masked)
        runner.visualizer.add_image(
            'reconstruction', picture, step=runner.epoch + 1)
