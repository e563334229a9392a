"""Pictures of reconstructions while FCMAE trains."""
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.engine.sharding import whole_model
from mmconvnextv2.registry import HOOKS, register
from mmconvnextv2.visualization.reconstruction import draw_reconstructions


@register(HOOKS)
class ReconstructionHook(Hook):
    """Draw reconstructions after every ``interval`` epochs and the last one.

    The images are the first that training sees, under the same masks each
    time; a resumed run takes its own first ones. Each row shows the original,
    the masked image, the reconstruction, and that with the visible patches
    pasted back. The pictures go to the runner's visualiser as
    ``reconstruction``. Training draws the same random numbers with and without
    this hook.

    Args:
        interval (int): Epochs between two pictures. Defaults to 1.
        num_images (int): Number of images, at most a batch. Defaults to 8.
        seed (int): Seed of the masks. Defaults to 0.

    Raises:
        ValueError: If ``interval`` or ``num_images`` is not positive.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 1, num_images: int = 8,
                 seed: int = 0) -> None:
        if interval < 1 or num_images < 1:
            raise ValueError(
                'ReconstructionHook: interval and num_images must be '
                f'positive, got {interval} and {num_images}')
        self.interval, self.num_images = interval, num_images
        self.seed = seed
        self._images = None

    def after_train_iter(self, runner: Runner, data_batch: dict,
                         **kwargs: Any) -> None:
        """Keep the first images."""
        if self._images is None:
            self._images = data_batch['inputs'][:self.num_images].clone()

    def after_train_epoch(self, runner: Runner) -> None:
        """Draw, if it is time to."""
        if not (self.every_n_epochs(runner, self.interval) or
                self.is_last_train_epoch(runner)):
            return
        model = whole_model(runner)
        if is_main_process():
            data = dict(inputs=self._images, data_samples=None)
            inputs = model.data_preprocessor(data)['inputs']
            generator = torch.Generator().manual_seed(self.seed)
            picture = draw_reconstructions(
                model, inputs, model.draw_mask(inputs, generator))
            runner.visualizer.add_image(
                'reconstruction', picture, step=runner.epoch + 1)
