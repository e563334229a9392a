"""Guards around the transforms of a pipeline that read files.

In training a damaged file is noted and the pipeline returns None, at which
MMEngine's data sets draw another sample. In evaluation it is an error.
"""
import errno
import os.path as osp
from collections.abc import Callable, Iterator
from typing import Any

import cv2
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from PIL import Image

from .damaged import DamagedDataError, DamageLog, is_cut_off
from .label_maps import fault_of_file, fault_of_labels

# Of memory or of open files, which is no file's fault.
_SHORTAGES = errno.ENOMEM, errno.EMFILE, errno.ENFILE
_EVALUATING = ('An evaluation leaves nothing out, for its figures would not '
               'be comparable: repair the file, or take it out of the data '
               'set.')


class _DamagedError(Exception):
    """A file that may be left out, and what is the matter with it."""


class Guard:
    """Read by a transform and look at the result.

    Args:
        transform (BaseTransform): mmcv's ``LoadImageFromFile`` or
            ``LoadAnnotations``, or what derives from them.
        log (DamageLog, optional): Log of what is left out. None makes a
            damaged file an error.
        max_in_a_row (int): Number of damaged files that a process may meet
            one after another.
        num_classes (int, optional): None leaves labels unchecked.

    Raises:
        DamagedDataError: In a call: if no file may be left out, or not so
            many; or if a label map does not fit.
    """

    def __init__(self, transform: Any, log: DamageLog | None = None,
                 max_in_a_row: int = 100,
                 num_classes: int | None = None) -> None:
        self.read: Callable = transform.transform
        self.load = (
            self.load_image if isinstance(transform, LoadImageFromFile) else
            self.load_annotations)
        self.log = log
        self.max_in_a_row = max_in_a_row
        self.num_classes = num_classes
        self._in_a_row = 0

    def __call__(self, results: dict) -> dict | None:
        """Read; return None if a file is damaged and may be left out."""
        try:
            loaded = self.load(results)
        except _DamagedError as fault:
            file, reason = fault.args
        else:
            self._in_a_row = 0
            return loaded
        if self.log is None:
            raise DamagedDataError(f'{file}: {reason}. {_EVALUATING}')
        self.log.note(file, reason)
        self._in_a_row += 1
        if self._in_a_row >= self.max_in_a_row:
            raise DamagedDataError(
                f'{self._in_a_row} damaged files one after another, the last '
                f'of them {file}: {reason}. {self.log.path} lists them. Is '
                'the whole data set damaged, or the storage out of reach?')
        return None

    def _read_file(self, path: str, results: dict) -> dict:
        try:
            loaded = self.read(results)
        except Exception as error:
            if isinstance(error, MemoryError) or getattr(
                    error, 'code', 0) == cv2.Error.StsNoMem:
                # A plain one: PyTorch raises no others of workers again.
                raise MemoryError(f'{path}: {error}') from error
            if getattr(error, 'errno', None) in _SHORTAGES:
                raise
            raise _DamagedError(path, _described(path, error)) from error
        if is_cut_off(path):
            raise _DamagedError(path, 'the JPEG is cut off')
        return loaded

    def load_image(self, results: dict) -> dict:
        """Read an image, of the size for which its annotations were made."""
        path = results['img_path']
        loaded = self._read_file(path, results)
        size = loaded['ori_shape']
        stated = results.get('height'), results.get('width')
        if None not in stated and size != stated:
            raise _DamagedError(
                path, f'it has {size[1]}x{size[0]} pixels, its annotations '
                f'say {stated[1]}x{stated[0]}')
        return loaded

    def load_annotations(self, results: dict) -> dict:
        """Load annotations; ignore objects without a mask, as mmdet does."""
        path, size = results.get('seg_map_path'), results.get('ori_shape', ())
        if path and 1 in size:
            raise _DamagedError(
                path, 'it is one pixel wide or high, and mmseg reads no such '
                'label maps')
        for instance in results.get('instances') or ():
            instance.setdefault('mask', [])
        loaded = self._read_file(path or results['img_path'], results)
        if path and 'gt_seg_map' in loaded:
            fault = fault_of_labels(
                loaded['gt_seg_map'], size, self.num_classes,
                bool(loaded.get('reduce_zero_label'))) or (
                    osp.isfile(path) and fault_of_file(path)) or None
            if fault is not None:
                raise DamagedDataError(f'{path}: {fault}')
        return loaded


def _described(path: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return 'there is no such file'
    if osp.isfile(path) and not osp.getsize(path):
        return 'the file is empty'
    if is_cut_off(path):
        return 'the JPEG is cut off'
    if isinstance(error, Image.DecompressionBombError):
        return (f'it has more pixels than the {2 * Image.MAX_IMAGE_PIXELS:,} '
                'that Pillow reads: cut it into tiles, or set '
                'PIL.Image.MAX_IMAGE_PIXELS higher in the config')
    text = ' '.join(f'{type(error).__name__}: {error}'.split())
    return f'it cannot be used ({text})'


def guard_dataset(dataset: Any, log: DamageLog | None,
                  max_in_a_row: int) -> None:
    """Put a ``Guard`` around each transform of a data set that reads files.

    It may wrap other data sets. Doing so again changes nothing.
    """
    for item in datasets_in(dataset):
        classes = (getattr(item, 'metainfo', None) or {}).get('classes')
        num_classes = None if classes is None else len(classes)
        for step in steps_in(getattr(item, 'pipeline', ())):
            if isinstance(step, (LoadImageFromFile, LoadAnnotations)) \
                    and not isinstance(step.transform, Guard):
                step.transform = Guard(step, log, max_in_a_row, num_classes)


def datasets_in(dataset: Any) -> Iterator[Any]:
    """Yield a data set and those that it wraps."""
    if dataset is not None:
        yield dataset
        for item in (getattr(dataset, 'dataset', None),
                     *getattr(dataset, 'datasets', ())):
            yield from datasets_in(item)


def steps_in(node: Any) -> Iterator[Any]:
    """Yield the steps of a pipeline, and those that steps hold."""
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from steps_in(item)
    else:
        yield node
        for name in ('transforms', 'subroutines'):
            yield from steps_in(getattr(node, name, ()))
