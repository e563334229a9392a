"""Robustness of classifiers: ImageNet-A, -R, -Sketch, -C and -C-bar.

The figures of ConvNeXt's Appendix B, on the sets in their public layouts.
"""
from pathlib import Path
from statistics import fmean
from typing import Callable, Dict, Iterable, List, Sequence, Tuple

from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

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
# Measures the error of a folder of class folders.
Measure = Callable[[Path, bool], float]


def class_folders(folder: Path) -> List[str]:
    """Names of the classes' folders, in the order of their labels.

    Raises:
        FileNotFoundError: If there is no such folder, or none in it.
    """
    found = sorted(x.name for x in folder.iterdir()
                   if x.is_dir()) if folder.is_dir() else []
    if not found:
        raise FileNotFoundError(
            f'expected a folder for each class in {folder}, found none')
    return found


def labels_of(folder: Path, classes: Sequence[str],
              subset: bool = False) -> List[int]:
    """Labels, in the model, of the classes of a folder.

    Args:
        folder (Path): Folder of class folders.
        classes (Sequence[str]): Folder names of the model's classes, sorted.
        subset (bool): Whether the folder may have some of them only, as
            ImageNet-A and -R do: 200. Defaults to False.

    Raises:
        ValueError: If the folder has other classes, or not all.
    """
    names = class_folders(folder)
    other = sorted({*names} - {*classes})
    lacks = sorted({*classes} - {*names})
    if other or (lacks and not subset):
        raise ValueError(
            f'{folder} must have the {len(classes)} classes of the model'
            f'{" or some of them" if subset else ""}, such as {classes[0]}; '
            f'{len(other)} others: {", ".join(other[:3]) or "-"}; '
            f'{len(lacks)} missing: {", ".join(lacks[:3]) or "-"}')
    return [classes.index(name) for name in names]


def error_rate(model: nn.Module, batches: Iterable,
               labels: Sequence[int]) -> float:
    """Share of images whose best class among ``labels`` is not theirs.

    Other classes have no say, as in the code of ImageNet-A's and -R's
    authors.

    Args:
        model (nn.Module): A classifier of mmpretrain.
        batches (Iterable): Batches whose ``gt_label`` counts ``labels``.
        labels (Sequence[int]): See ``labels_of``.
    """
    wrong = total = 0
    for batch in batches:
        for sample in model.test_step(batch):
            best = sample.pred_score[list(labels)].argmax()
            wrong += int(best) != int(sample.gt_label)
            total += 1
    return wrong / total


def corruption_errors(root: Path, names: Iterable[str],
                      measure: Measure) -> Dict[str, List[float]]:
    """Errors of each corruption at its severities, 1 to 5.

    Args:
        root (Path): Folder with CORRUPTION/SEVERITY/CLASS, or the same in
            folders of a kind, as ImageNet-C's archives have it.
        names (Iterable[str]): Corruptions that count; all must be there.
        measure (Measure): Measures a folder.

    Raises:
        FileNotFoundError: If a corruption or a severity is missing.
    """
    found = {}
    for name in names:
        places = [x for x in (root / name, *root.glob(f'*/{name}'))
                  if x.is_dir()]
        folders = [places[0] / str(i) for i in SEVERITIES] if places else []
        if not folders or not all(x.is_dir() for x in folders):
            raise FileNotFoundError(
                f'{root} must have the folders {name}/1 to {name}/5')
        found[name] = [measure(x, False) for x in folders]
    return found


def mean_corruption_error(errors: Dict[str, List[float]]) -> float:
    """Mean of the errors on ImageNet-C, each relative to AlexNet's: mCE."""
    return fmean(fmean(errors[x]) / ALEXNET[x] for x in ALEXNET)


class Robustness:
    """Measures a classifier with the loader and pipeline of its config.

    Args:
        cfg (Config): A config of mmpretrain.
        model (nn.Module): Its model, with weights, in evaluation mode.
    """

    def __init__(self, cfg: Config, model: nn.Module) -> None:
        self.loader, self.model = cfg.test_dataloader, model

    def _error(self, dataset: Dict, labels: Sequence[int]) -> float:
        loader = dict(self.loader, dataset=dataset, num_workers=0,
                      persistent_workers=False)
        return error_rate(self.model, Runner.build_dataloader(loader, seed=0),
                          labels)

    def on_sets(self, sets: Dict[str, Path],
                classes: Sequence[str]
                ) -> Tuple[List[str], Dict[str, List[float]]]:
        """Figures of COLUMNS in %, '-' for sets that are not given.

        Beside them, the errors of ImageNet-C's corruptions, if it is given.

        Args:
            sets (dict): Folders of c, c_bar, a, r and sketch.
            classes (Sequence[str]): See ``labels_of``.
        """

        def error(folder: Path, subset: bool) -> float:
            dataset = dict(type='CustomDataset', data_root=str(folder),
                           pipeline=self.loader.dataset.pipeline)
            return self._error(dataset, labels_of(folder, classes, subset))

        figures, errors = {}, {}
        if 'c' in sets:
            errors = corruption_errors(sets['c'], ALEXNET, error)
            figures['c'] = mean_corruption_error(errors)
        if 'c_bar' in sets:
            figures['c_bar'] = fmean(map(fmean, corruption_errors(
                sets['c_bar'], C_BAR, error).values()))
        for name in {'a', 'r', 'sketch'} & {*sets}:
            figures[name] = 1 - error(sets[name], name != 'sketch')
        return [f'{100 * figures[x]:.1f}' if x in figures else '-'
                for x in ('c', 'c_bar', 'a', 'r', 'sketch')], errors
