"""Find the part of a config that an error came from, by its traceback.

MMEngine's functions that build have the part they build among their local
variables; what runs later has a ``self`` whose type the config names, or which
has a place in the model.
"""
import re
from types import FrameType
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Tuple

from mmengine.registry import build_from_cfg
from torch import nn
from torch.utils.data import DataLoader

from .frames import Frame, frames, is_runner
from .matching import deepest, in_common, is_of
from .mistakes import SPLITS, nodes, runner_keys, type_name

# Methods of MMEngine's runners, and what of the config they work on.
_SECTIONS = dict(
    setup_env='env_cfg',
    set_randomness='randomness',
    build_logger='log_level',
    build_log_processor='log_processor',
    build_visualizer='visualizer',
    build_model='model',
    wrap_model='model_wrapper_cfg',
    register_default_hooks='default_hooks',
    register_custom_hooks='custom_hooks',
    build_train_loop='train_cfg',
    build_val_loop='val_cfg',
    build_test_loop='test_cfg',
    build_optim_wrapper='optim_wrapper',
    scale_lr='auto_scale_lr',
    build_param_scheduler='param_scheduler',
    load_or_resume='load_from',
    _check_scheduler_cfg='param_scheduler',
    _maybe_compile='compile',
)
# Local variables of methods that work on one of several parts.
_ARGUMENTS = dict(build_dataloader='dataloader', build_evaluator='evaluator')
_IN_TEXT = re.compile(r'File "([^"]+)", line (\d+)')
_WORKER = 'Original Traceback'


class Origin(NamedTuple):
    """Where an error came from.

    Attributes:
        path (str): The innermost part of the config that is known, or ''.
        node (Any): That part.
        kind (type, optional): The class that it builds.
        is_building (bool): Whether it was being built.
        split (str): 'train', 'val' or 'test' if one of them was running.
        frames (list): Frames and lines from there to the error.
    """

    path: str
    node: Any
    kind: Optional[Callable]
    is_building: bool
    split: str
    frames: List[Frame]


def trace(error: BaseException, cfg: Mapping) -> Origin:
    """Find where an error came from.

    Args:
        error (BaseException): The error, with its traceback.
        cfg (Mapping): The config.
    """
    found = list(frames(error))
    search = _Search(cfg)
    start = 0
    for i, (frame, _) in enumerate(found):
        if search.step(frame):
            start = i
    if _WORKER in str(error):
        search.read_worker(str(error))
    return Origin(search.path, search.node, search.kind, search.is_building,
                  search.split, found[start:])


class _Search:
    """Follows a traceback from the outside in."""

    def __init__(self, cfg: Mapping) -> None:
        keys = runner_keys()
        self._all = [
            (path, node) for key in keys
            for path, node in nodes(cfg.get(key), key)
        ]
        self._cfg = cfg
        self.path, self.node = '', cfg
        self.kind: Optional[Callable] = None
        self.is_building = False
        self.split = ''
        self._runner: Any = None

    def step(self, frame: FrameType) -> bool:
        """Take a frame; returns whether it tells a part of the config."""
        name, local = frame.f_code.co_name, frame.f_locals
        if frame.f_code is build_from_cfg.__code__:
            return self._build(local)
        owner = local.get('self')
        if is_runner(owner):
            self._runner = owner
            if name in _SECTIONS:
                return self._go(_SECTIONS[name], True)
        if name in _ARGUMENTS and 'mmengine' in frame.f_code.co_filename:
            return self._argument(local.get(_ARGUMENTS[name]))
        return owner is not None and self._object(owner)

    def read_worker(self, text: str) -> None:
        """Find the innermost part by the source lines in a worker's report."""
        split = self.split or 'train'
        places = [(file, int(line)) for file, line in _IN_TEXT.findall(text)]
        for file, line in reversed(places):
            for path, node in self._all:
                if path.startswith(f'{split}_dataloader') and is_of(
                        node, file, line, self._cfg.get('default_scope')):
                    self.path, self.node = path, node
                    return

    def _go(self, path: str, is_building: bool) -> bool:
        found = dict(self._all).get(path, self._cfg.get(path))
        self.path, self.node, self.kind = path, found, None
        self.is_building = is_building
        return True

    def _build(self, local: Mapping) -> bool:
        built = local.get('cfg')
        if not isinstance(built, Mapping):
            return False
        found = self._most_alike(built)
        if found is None:
            # A default of the class around it, which the config does not say.
            return False
        self.path, self.node = found
        self.kind = local.get('obj_cls')
        self.is_building = True
        return True

    def _most_alike(self, built: Mapping) -> Optional[Tuple[str, Mapping]]:
        name = type_name(built)
        alike = [(path, node) for path, node in self._all
                 if type_name(node) == name and (name or node == built)]
        return max(
            alike,
            key=lambda x: (self._is_below(x[0]), in_common(x[1], built)),
            default=None)

    def _is_below(self, path: str) -> bool:
        return path.startswith(self.path)

    def _argument(self, value: Any) -> bool:
        keys = [key for key in self._cfg
                if key.endswith(('_dataloader', '_evaluator'))]
        prefix = self.path.split('_')[0]
        for key in sorted(keys, key=lambda x: not x.startswith(prefix)):
            if self._cfg[key] == value:
                self.split = key.split('_')[0]
                self._go(key, True)
                if key.endswith('_dataloader'):
                    self.kind = DataLoader
                return True
        return False

    def _object(self, owner: Any) -> bool:
        names = [x.__name__ for x in type(owner).__mro__]
        for split, loop in zip(SPLITS, ('TrainLoop', 'ValLoop', 'TestLoop')):
            if any(x.endswith(loop) for x in names):
                self.split = split
        if isinstance(owner, nn.Module) and self._module(owner):
            return True
        found = [(path, node) for path, node in self._all
                 if type_name(node) == names[0]]
        if not found:
            return False
        path, node = max(
            found,
            key=lambda x: (x[0].startswith(f'{self.split}_'),
                           self._is_below(x[0])))
        # The class is being built already, or it runs.
        if path != self.path:
            self.is_building = self.is_building and self._is_below(path)
        self.path, self.node, self.kind = path, node, type(owner)
        return True

    def _module(self, owner: nn.Module) -> bool:
        model = getattr(self._runner, 'model', None)
        named = dict(model.named_modules()) if isinstance(
            model, nn.Module) else {}
        for name, module in named.items():
            if module is owner:
                self.path, self.node, part = deepest(self._cfg['model'], name)
                self.kind, self.is_building = type(named[part]), False
                return True
        return False
