"""What a process holds, sampled while it trains."""
import gc
import json
import os
import resource
from multiprocessing import active_children
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from mmconvnextv2.ops.packed_depthwise import RunsOfGrid


def resident_bytes(pid: int) -> int:
    """Memory of a process that lies in RAM."""
    pages = Path(f'/proc/{pid}/statm').read_text().split()[1]
    return int(pages) * resource.getpagesize()


def sample() -> Dict[str, int]:
    """Bytes and counts of what this process holds at the moment."""
    held = dict(
        resident=resident_bytes(os.getpid()),
        workers=sum(resident_bytes(x.pid) for x in active_children()),
        files=len(os.listdir('/proc/self/fd')))
    # What only a cycle keeps is garbage that Python has not come to yet.
    gc.collect()
    kinds = [type(x) for x in gc.get_objects()]
    held['tensors'] = sum(issubclass(kind, Tensor) for kind in kinds)
    held['grids'] = sum(issubclass(kind, RunsOfGrid) for kind in kinds)
    held['objects'] = len(kinds)
    return held


def mean_of(samples: List[dict], key: str, begin: int, end: int) -> float:
    """Mean of the samples after iterations begin to end, both included."""
    found = [x[key] for x in samples if begin <= x['iter'] <= end]
    return sum(found) / len(found)


@HOOKS.register_module(force=True)
class Soak(Hook):
    """Write soak.json to the work dir: a sample every ``interval`` iterations.

    Beside those of ``sample``, the bytes of MMEngine's history of what is
    logged, which by its design has every iteration's numbers.
    """

    # After the logger and the checkpoint.
    priority = 'LOWEST'

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self.samples: List[dict] = []

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[Dict[str, Tensor]] = None) -> None:
        """Take a sample if it is time to."""
        if self.every_n_train_iters(runner, self.interval):
            history = sum(
                values.nbytes
                for buffer in MessageHub.get_current_instance().log_scalars.
                values() for values in buffer.data)
            self.samples.append(
                dict(iter=runner.iter + 1, history=history, **sample()))

    def after_train(self, runner: Runner) -> None:
        """Write all."""
        path = Path(runner.work_dir) / 'soak.json'
        path.write_text(json.dumps(self.samples))
