"""The blocks of an encoder through torch.compile."""
from typing import Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.models.layers.block import ConvNeXtV2Block
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class CompileBlocksHook(Hook):
    """Compile the blocks of ConvNeXt V2, each stage once, for GPUs.

    It belongs in ``default_hooks``, as ``custom_hooks`` would replace those of
    a recipe. MMEngine's ``compile=True`` compiles the whole model instead,
    block after block. The first steps take longer, by a compilation for each
    stage and image size. Checkpoints do not change.

    On an H100, in bfloat16, a training step of tiny is 1.9x as fast as
    without (benchmarks/results/2026-11-27_gpu_h100.md). On a CPU it is slower.

    Args:
        mode (str, optional): Mode of ``torch.compile``, such as
            'reduce-overhead' for CUDA graphs. Defaults to None.
        dynamic (bool, optional): Whether image sizes vary. Defaults to None,
            which finds out by compiling twice.
        backend (str): Backend of ``torch.compile``. Defaults to 'inductor'.

    Raises:
        ValueError: Before training, if PyTorch does not know the mode or the
            backend, or the model has no such blocks.
    """

    def __init__(self, mode: Optional[str] = None,
                 dynamic: Optional[bool] = None,
                 backend: str = 'inductor') -> None:
        self.options = dict(mode=mode, dynamic=dynamic, backend=backend)

    def before_run(self, runner: Runner) -> None:
        """Mark the blocks; the first step compiles them."""
        blocks = [x for x in runner.model.modules()
                  if isinstance(x, ConvNeXtV2Block)]
        if not blocks:
            raise ValueError(
                'CompileBlocksHook found no ConvNeXtV2Block in the model, a '
                f'{type(runner.model).__name__}; leave it out of the hooks')
        for block in blocks:
            block.compile(**self.options)
        runner.logger.info(f'torch.compile: {len(blocks)} blocks')
        if not next(blocks[0].parameters()).is_cuda:
            runner.logger.warning(
                'torch.compile: on a CPU blocks are faster as they are; '
                'leave CompileBlocksHook out there')
