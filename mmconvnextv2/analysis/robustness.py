"""Robustness of classifiers: ImageNet-A, -R, -Sketch, -C and -C-bar.

The figures of ConvNeXt's Appendix B, on the sets in their public layouts.
"""
import sys
from pathlib import Path
from statistics import fmean
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from torch import nn

from mmconvnextv2.datasets.guards import guard_dataset
from mmconvnextv2.images import SUFFIXES
from mmconvnextv2.text import first_of

# Errors of AlexNet on ImageNet-C, means of the 5 severities: what mCE is
# relative to (Hendrycks and Dietterich; as in github.com/google-research/
# augmix, imagenet.py).
ALEXNET = dict(
    gaussian_noise=0.886428, shot_noise=0.894468, impulse_noise=0.922640,
    defocus_blur=0.819880, glass_blur=0.826268, motion_blur=0.785948,
    zoom_blur=0.798360, snow=0.866816, frost=0.826572, fog=0.819324,
    brightness=0.564592, contrast=0.853204, elastic_transform=0.646056,
    pixelate=0.717840, jpeg_compression=0.606500)
# Of ImageNet-C-bar (github.com/facebookresearch/augmentation-corruption).
C_BAR = ('blue_noise_sample', 'brownish_noise', 'caustic_refraction',
         'checkerboard_cutout', 'cocentric_sine_waves', 'inverse_sparkles',
         'perlin_noise', 'plasma_noise', 'single_frequency_greyscale',
         'sparkles')
SEVERITIES = range(1, 6)
COLUMNS = ('C, mCE', 'C-bar, error', 'A, top-1', 'R, top-1', 'Sketch, top-1')
# ConvNeXt, Table 8, in the order of COLUMNS.
PUBLISHED = {
    'ResNet-50': (76.7, 57.7, 0.0, 36.1, 24.1),
    'ConvNeXt-T': (53.2, 40.0, 24.2, 47.2, 33.8),
    'ConvNeXt-B': (46.8, 34.4, 36.7, 51.3, 38.2),
    'ConvNeXt-B, IN-22K, 384 px': (43.1, 30.7, 62.3, 64.9, 51.6),
    'ConvNeXt-L, IN-22K, 384 px': (40.2, 29.9, 65.5, 66.7, 52.8),
    'ConvNeXt-XL, IN-22K, 384 px': (38.8, 27.1, 69.3, 68.2, 55.0),
}
# Classes of ImageNet-A and -R, by those of the model; any number for others.
_SUBSETS = {1000: 200}
_FEW = 1000  # images, for which starting workers takes longer than reading


def class_folders(folder: Path, number: Optional[int] = None) -> List[str]:
    """Names of the classes' folders, in the order of their labels.

    Raises:
        FileNotFoundError: If there are none, or not ``number``.
    """
    found = sorted(x.name for x in folder.iterdir()
                   if x.is_dir()) if folder.is_dir() else []
    if not found or number not in (None, len(found)):
        of = f" of the model's {number}" if number else ''
        raise FileNotFoundError(f'expected a folder for each class{of} in '
                                f'{folder}, found {len(found) or "none"}')
    return found


def labels_of(folder: Path, classes: Sequence[str],
              subset: bool = False) -> List[int]:
    """Labels, in the model, of the classes of a folder of class folders.

    Args:
        folder (Path): See above.
        classes (Sequence[str]): Folder names of the model's classes, sorted.
        subset (bool): Whether it has some of them only, as ImageNet-A and -R
            do: 200. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it has other classes, not as many, or empty ones.
    """
    names = class_folders(folder)
    other = sorted({*names} - {*classes})
    number = _SUBSETS.get(len(classes)) if subset else len(classes)
    empty = [x for x in names if not any(
        y.suffix.lower() in SUFFIXES for y in (folder / x).rglob('*'))]
    if other or empty or number not in (None, len(names)):
        raise ValueError(
            f'{folder} must have {number or "some"} of the {len(classes)} '
            f'classes of the model, such as {classes[0]}; it has {len(names)} '
            f'folders, of other names: {first_of(other, 3)}; missing: '
            f'{first_of(sorted({*classes} - {*names}), 3)}; without images: '
            f'{first_of(empty, 3)}')
    return [classes.index(name) for name in names]


def error_rate(model: nn.Module, batches: Iterable,
               labels: Sequence[int]) -> float:
    """Share of images whose best class among ``labels`` is not theirs.

    Other classes have no say, as in the code of ImageNet-A's and -R's
    authors. ``gt_label`` of the batches counts ``labels``.
    """
    wrong = total = 0
    for batch in batches:
        for sample in model.test_step(batch):
            best = sample.pred_score[list(labels)].argmax()
            wrong += int(best) != int(sample.gt_label)
            total += 1
    return wrong / total


def corruption_folders(root: Path,
                       names: Iterable[str]) -> Dict[str, List[Path]]:
    """Folders of each corruption at its severities, 1 to 5.

    They lie in ``root``, or, as in ImageNet-C's archives, in folders of kinds.

    Raises:
        FileNotFoundError: If a corruption or a severity is missing.
    """
    found = {}
    for name in names:
        place = next((x for x in (root / name, *root.glob(f'*/{name}'))
                      if x.is_dir()), root / name)
        found[name] = [place / str(i) for i in SEVERITIES]
        if not all(x.is_dir() for x in found[name]):
            raise FileNotFoundError(
                f'{root} must have the folders {name}/1 to {name}/5')
    return found


def mean_corruption_error(errors: Dict[str, List[float]]) -> float:
    """Mean of the errors on ImageNet-C, each relative to AlexNet's: mCE."""
    return fmean(fmean(errors[x]) / ALEXNET[x] for x in ALEXNET)


def _measure(cfg: Config, model: nn.Module, folder: Path,
             labels: Sequence[int]) -> float:
    dataset = DATASETS.build(dict(
        type='CustomDataset', data_root=str(folder),
        pipeline=cfg.test_dataloader.dataset.pipeline))
    guard_dataset(dataset, None, 1)
    few = dict(num_workers=0, prefetch_factor=None)
    loader = dict(cfg.test_dataloader, dataset=dataset,
                  persistent_workers=False,
                  **few if len(dataset) < _FEW else {})
    error = error_rate(model, Runner.build_dataloader(loader, seed=0), labels)
    print(f'{folder}: {error:.1%} wrong', file=sys.stderr, flush=True)
    return error


def on_sets(cfg: Config, model: nn.Module, sets: Dict[str, Path],
            classes: Sequence[str]
            ) -> Tuple[List[str], Dict[str, List[float]]]:
    """Figures of COLUMNS in %, '-' for sets that are not given.

    Beside them, the errors of ImageNet-C's corruptions, if it is given. All
    folders are checked before the first is measured.

    Args:
        cfg (Config): A config of mmpretrain, with its loader and pipeline.
        model (nn.Module): Its model, with weights, in evaluation mode.
        sets (dict): Folders of c, c_bar, a, r and sketch.
        classes (Sequence[str]): See ``labels_of``.
    """
    corruptions = dict(c=ALEXNET, c_bar=C_BAR)
    folders = {name: corruption_folders(root, corruptions[name])
               if name in corruptions else {name: [root]}
               for name, root in sets.items()}
    labels = {x: labels_of(x, classes, name in ('a', 'r'))
              for name, found in folders.items()
              for places in found.values() for x in places}
    errors = {name: {kind: [_measure(cfg, model, x, labels[x]) for x in places]
                     for kind, places in found.items()}
              for name, found in folders.items()}
    figures = {name: fmean(map(fmean, found.values())) if name in corruptions
               else 1 - found[name][0] for name, found in errors.items()}
    if 'c' in sets:
        figures['c'] = mean_corruption_error(errors['c'])
    return [f'{100 * figures[x]:.1f}' if x in figures else '-'
            for x in ('c', 'c_bar', 'a', 'r', 'sketch')], errors.get('c', {})
