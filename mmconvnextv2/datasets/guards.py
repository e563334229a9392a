"""Stand-ins for the transforms of a pipeline that read files.

In training a damaged file is noted and the pipeline returns None, at which
MMEngine's data sets draw another sample. In evaluation it is an error.
"""
from typing import Any, Iterator, Optional

import mmcv
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine import fileio

from .damaged import DamagedDataError, DamageLog, is_cut_off
from .label_maps import fault_of_labels

_EVALUATING = ('An evaluation leaves nothing out, for its figures would not '
               'be comparable: repair the file, or take it out of the data '
               'set.')


class FileGuard:
    """Reads by another transform, whose attributes it has too.

    Args:
        transform (BaseTransform): What reads.
        log (DamageLog, optional): Where to note what is left out. None means
            that a damaged file is an error.
        max_in_a_row (int): Damaged files that a process may meet one after
            another, without a good one.
    """

    def __init__(self,
                 transform: Any,
                 log: Optional[DamageLog] = None,
                 max_in_a_row: int = 100) -> None:
        self.transform = transform
        self.log = log
        self.max_in_a_row = max_in_a_row
        self._in_a_row = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'transform':  # in unpickling
            raise AttributeError(name)
        return getattr(self.transform, name)

    def __repr__(self) -> str:
        return repr(self.transform)

    def _leave_out(self, file: str, reason: str) -> None:
        """Note a damaged file.

        Raises:
            DamagedDataError: If none may be left out, or not so many.
        """
        reason = ' '.join(reason.split())
        if self.log is None:
            raise DamagedDataError(f'{file}: {reason}. {_EVALUATING}')
        self.log.note(file, reason)
        self._in_a_row += 1
        if self._in_a_row >= self.max_in_a_row:
            raise DamagedDataError(
                f'{self._in_a_row} damaged files one after another, the last '
                f'of them {file}: {reason}. {self.log.path} lists them. Is '
                'the whole data set damaged, or the storage out of reach?')


class ImageGuard(FileGuard):
    """Stand-in for mmcv's ``LoadImageFromFile`` and what derives from it.

    In training an image is damaged, too, if its size is not the one that its
    annotations were made for: boxes that lie outside make the loss NaN.
    """

    def __call__(self, results: dict) -> Optional[dict]:
        """Read the image; None if it is damaged and may be left out."""
        path = results['img_path']
        try:
            loaded = self.transform(results)
            if is_cut_off(path):
                raise OSError('the JPEG is cut off')
        except MemoryError:
            raise
        except Exception as error:
            return self._leave_out(path, _explain(path, error))
        size = loaded.get('ori_shape')
        stated = results.get('height'), results.get('width')
        if self.log is not None and None not in stated and size != stated:
            return self._leave_out(
                path, f'it has {size[1]}x{size[0]} pixels, its annotations '
                f'say {stated[1]}x{stated[0]}')
        self._in_a_row = 0
        return loaded


class AnnotationGuard(FileGuard):
    """Stand-in for ``LoadAnnotations`` of mmdet and of mmseg.

    An object without a mask is ignored in training, as mmdet does with a mask
    that is not valid. A label map that can be read and does not fit is an
    error even in training.

    Args:
        num_classes (int, optional): Classes of the data set; None means that
            labels are not checked. Defaults to None.
        **kwargs (Any): Those of :class:`FileGuard`.
    """

    def __init__(self,
                 transform: Any,
                 num_classes: Optional[int] = None,
                 **kwargs: Any) -> None:
        super().__init__(transform, **kwargs)
        self.num_classes = num_classes

    def __call__(self, results: dict) -> Optional[dict]:
        """Load the annotations; None if their file may be left out.

        Raises:
            DamagedDataError: If they can be read and do not fit.
        """
        if getattr(self.transform, 'with_mask', False):
            for instance in results.get('instances') or ():
                instance.setdefault('mask', [])
        path = results.get('seg_map_path')
        if path and 1 in results.get('ori_shape', ()):
            return self._leave_out(
                path, 'it is one pixel wide or high, and mmseg reads no such '
                'label maps')
        try:
            loaded = self.transform(results)
        except MemoryError:
            raise
        except Exception as error:
            if path and not self._is_readable(path):
                return self._leave_out(path, _explain(path, error))
            raise DamagedDataError(
                f'{path or _named(results)}: the annotations cannot be used: '
                f'{_described(error)}') from error
        self._in_a_row = 0
        if path and 'gt_seg_map' in loaded:
            self._check_label_map(loaded, path)
        return loaded

    def _is_readable(self, path: str) -> bool:
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except FileNotFoundError:
            return True  # It is not damaged: an error in any case.
        try:
            return mmcv.imfrombytes(
                content, flag='unchanged',
                backend=self.imdecode_backend) is not None
        except Exception:
            return False

    def _check_label_map(self, results: dict, path: str) -> None:
        labels = results['gt_seg_map']
        fault = fault_of_labels(labels,
                                results.get('ori_shape', labels.shape[:2]),
                                self.num_classes,
                                bool(self.reduce_zero_label))
        if fault is not None:
            raise DamagedDataError(f'{path}: {fault}')


def _named(results: dict) -> str:
    name = results.get('img_path', 'an image')
    if 'img_id' in results:
        name += f' (image_id {results["img_id"]})'
    return name


def _described(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return 'there is no such file'
    return f'{type(error).__name__}: {error}'.rstrip(': ')


def _explain(path: str, error: Exception) -> str:
    """What is the matter with a file; says it in words where it can."""
    if isinstance(error, FileNotFoundError):
        return _described(error)
    try:
        if not fileio.get(path):
            return 'the file is empty'
    except Exception as unread:
        return f'it cannot be read: {_described(unread)}'
    text = str(error)
    # mmcv's for what OpenCV gives up on, and OpenCV's own.
    if isinstance(error, AssertionError) or 'OpenCV' in text:
        text = 'no image, or damaged'
    return f'it cannot be decoded: {text or type(error).__name__}'


def leaf_datasets(dataset: Any) -> Iterator[Any]:
    """The data sets with pipelines inside of wrappers of any depth."""
    inner = getattr(dataset, 'dataset', None)
    several = getattr(dataset, 'datasets', None)
    if inner is not None:
        yield from leaf_datasets(inner)
    elif several is not None:
        for item in several:
            yield from leaf_datasets(item)
    else:
        yield dataset


def guard_dataset(dataset: Any, log: Optional[DamageLog],
                  max_in_a_row: int) -> None:
    """Put guards around what reads files in a data set's pipelines.

    Doing so again changes nothing.

    Args:
        dataset (Dataset): The data set, which may be a wrapper of others.
        log (DamageLog, optional): As in :class:`FileGuard`.
        max_in_a_row (int): As in :class:`FileGuard`.
    """
    for leaf in leaf_datasets(dataset):
        classes = (getattr(leaf, 'metainfo', None) or {}).get('classes')
        num_classes = None if classes is None else len(classes)
        settings = dict(log=log, max_in_a_row=max_in_a_row)
        for steps in _lists_of_transforms(getattr(leaf, 'pipeline', None)):
            steps[:] = [
                _guarded(step, num_classes, settings) for step in steps
            ]


def _guarded(step: Any, num_classes: Optional[int], settings: dict) -> Any:
    if isinstance(step, LoadImageFromFile):
        return ImageGuard(step, **settings)
    if isinstance(step, LoadAnnotations):
        return AnnotationGuard(step, num_classes=num_classes, **settings)
    return step


def _lists_of_transforms(node: Any) -> Iterator[list]:
    """Lists of steps in a pipeline and in steps that hold others."""
    if node is None or isinstance(node, FileGuard):
        return
    for name in ('transforms', 'subroutines'):
        inner = getattr(node, name, None)
        if isinstance(inner, list):
            yield inner
        for step in inner if isinstance(inner, (list, tuple)) else [inner]:
            yield from _lists_of_transforms(step)
