"""What every test starts from: one thread, no log, a seeded generator."""
import importlib.util
import logging
import os
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

# Before any test imports timm or mmpretrain: these need its bridge to a
# torchvision without compiled operators.
import mmconvnextv2  # noqa: F401

# For the processes that tests start.
os.environ.setdefault('OMP_NUM_THREADS', '1')
torch.set_num_threads(1)

# Property-based tests: the same few examples each time, however busy the
# machine. To search for others: pytest --hypothesis-profile=search.
settings.register_profile(
    'fixed',
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    'search', settings.get_profile('fixed'), derandomize=False,
    max_examples=1000)
settings.load_profile('fixed')


def pytest_configure():
    _silence()


def _silence():
    # init_weights() logs a line per parameter.
    logging.disable(logging.INFO)


@pytest.fixture(autouse=True)
def _seeded_and_silent():
    torch.manual_seed(0)
    # Tests of logs enable them and leave it to the next test to go back.
    _silence()


@pytest.fixture(autouse=True)
def _freed_memory_is_given_back(monkeypatch):
    # Else the first tool that is called would keep that of the largest test.
    monkeypatch.setattr('mmconvnextv2.cli.keep_freed_memory', lambda: None)


@pytest.fixture(autouse=True)
def _nothing_of_another_test():
    # What MMEngine keeps by name, taking the latest as the present one: a
    # type without a prefix would be looked up in the package of whichever
    # test ran a Runner last, and a log goes to that test's closed output.
    _forget_latest()
    hubs = set(MessageHub._instance_dict)
    yield
    _forget_latest()  # for the fixtures of the next module, too
    _forget(MessageHub, hubs)


def _forget_latest():
    # Subclasses too: packages are imported as tests need them.
    for kind in (MMLogger, DefaultScope, Visualizer,
                 *Visualizer.__subclasses__()):
        _forget(kind)


def _forget(kind, kept=frozenset()):
    """Drop instances but those of the kept names; logs are closed."""
    for name in set(kind._instance_dict) - kept:
        for handler in getattr(kind._instance_dict.pop(name), 'handlers', ()):
            handler.close()


@pytest.fixture
def graphs():
    """PyTorch's counts of what is compiled, from zero."""
    from torch._dynamo.utils import counters  # takes a second
    torch._dynamo.reset()
    counters.clear()
    yield counters['stats']
    torch._dynamo.reset()


@pytest.fixture(autouse=True)
def _local_rank(monkeypatch):
    # The tools set it for good.
    monkeypatch.setenv('LOCAL_RANK', '0')


@pytest.fixture(scope='session')
def tools():
    """The folder of the tools."""
    return Path(__file__).resolve().parents[1] / 'tools'


@pytest.fixture(scope='session')
def load_tool(tools):
    """Function that loads tools/NAME.py as a fresh module."""

    def load(name):
        spec = importlib.util.spec_from_file_location(
            f'{name}_tool', tools / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        # As Python does: it may import what lies beside it.
        sys.path.insert(0, str(tools))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(tools))
        return module

    return load
