"""What every test starts from: one thread, no log, a seeded generator."""
import logging
import os

import pytest
import torch
from mmengine.visualization import Visualizer

# Before any test imports timm or mmpretrain: these need its bridge to a
# torchvision without compiled operators.
import mmconvnextv2  # noqa: F401

# init_weights() logs a line per parameter.
logging.disable(logging.INFO)
# For the processes that tests start.
os.environ.setdefault('OMP_NUM_THREADS', '1')
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_visualizer_of_another_test():
    # MMEngine keeps one for each name, and the latest for who asks for none.
    for kind in (Visualizer, *Visualizer.__subclasses__()):
        kind._instance_dict.clear()
