"""The analyses as a table and a figure beside it, for several models."""
import csv
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence

import torch

from mmconvnextv2.files import written_whole
from mmconvnextv2.images import read_centre
from . import plots
from .activations import ActivationGrid, LayerMaps
from .class_selectivity import ClassSelectivity, LayerSelectivity
from .cosine_distance import CosineDistance, LayerDistance
from .features import AFTER_GRN, BEFORE_GRN, OUTPUT, blocks, observe
from .images import Images, batches
from .models import Model
from .neighbours import encode, nearest_neighbours


def files_of(analysis: str, out: Path) -> List[Path]:
    """Name the table and the figure, if any, that an analysis writes."""
    suffixes = ('csv', ) if analysis == 'knn' else ('csv', 'png')
    return [out / f'{analysis}.{x}' for x in suffixes]


def report_cosine_distance(
        models: Sequence[Model], images: Images, out: Path, size: int,
        batch_size: int,
        live_only: bool = False) -> Dict[str, List[LayerDistance]]:
    """Measure, tabulate and plot the cosine distance of every layer.

    Args:
        models (Sequence[Model]): Models to compare.
        images (Images): Images to encode.
        out (Path): Folder for the table and the figure, see ``files_of``.
        size (int): Side of the images, in pixels.
        batch_size (int): Images in memory at a time.
        live_only (bool): See ``cosine_distance``. Defaults to False.

    Returns:
        dict[str, list[LayerDistance]]: By name of the model.
    """
    found = {model.name: _observe(model, images, size, batch_size,
                                  (BEFORE_GRN, AFTER_GRN),
                                  CosineDistance(live_only))
             for model in models}
    rows = ((name, *x) for name, layers in found.items() for x in layers)
    _write('cosine_distance', out, ('model', *LayerDistance._fields), rows,
           plots.plot_cosine_distance(found))
    return found


def report_class_selectivity(
        models: Sequence[Model], images: Images, out: Path, size: int,
        batch_size: int,
        rectify: bool = True) -> Dict[str, List[LayerSelectivity]]:
    """Measure, tabulate and plot the class selectivity of every block.

    Args:
        models, out, size, batch_size: See ``report_cosine_distance``; the
            table has a row for each unit.
        images (Images): Images to encode, in folders of classes.
        rectify (bool): See ``ClassSelectivity``. Defaults to True.

    Raises:
        ValueError: If the images are of fewer than two classes.
    """
    if len(images.classes) < 2:
        raise ValueError(
            'class selectivity needs images in folders of at least 2 classes, '
            f'FOLDER/CLASS/IMAGE; found the folders {images.classes}')
    classes = len(images.classes)
    found = {model.name: _observe(model, images, size, batch_size, (OUTPUT, ),
                                  ClassSelectivity(classes, rectify))
             for model in models}
    rows = ((name, x.layer, unit, x.images, x.classes, index)
            for name, layers in found.items() for x in layers
            for unit, index in enumerate(x.index.tolist()))
    _write('class_selectivity', out,
           ('model', 'layer', 'unit', 'images', 'classes', 'index'), rows,
           plots.plot_class_selectivity(found))
    return found


def report_neighbours(models: Sequence[Model], images: Images,
                      queries: Images, out: Path, size: int, batch_size: int,
                      k: int) -> Dict[str, float]:
    """Classify images by their nearest neighbours; tabulate the accuracy.

    ``queries`` are classified by k of ``images``, see ``nearest_neighbours``;
    both lie in folders of the same classes, or ValueError is raised. Returns
    the top-1 accuracy in percent by name of the model.
    """
    if images.classes != queries.classes or len(images.classes) < 2:
        raise ValueError('both need folders of the same classes, at least 2: '
                         'FOLDER/CLASS/IMAGE; found the folders '
                         f'{images.classes} and {queries.classes}')
    found = {}
    for model in models:
        known, asked = (encode(model, x, size, batch_size)
                        for x in (images, queries))
        right = torch.tensor(queries.labels) == nearest_neighbours(
            known, torch.tensor(images.labels), asked, k)
        found[model.name] = 100 * right.double().mean().item()
    _write('knn', out, ('model', 'k', 'images', 'queries', 'top-1'),
           ((name, k, len(images.paths), len(queries.paths), accuracy)
            for name, accuracy in found.items()))
    return found


def report_activations(models: Sequence[Model], images: Images, out: Path,
                       size: int, features: str = AFTER_GRN,
                       layers: Optional[Sequence[str]] = None,
                       num_channels: int = 64) -> Dict[str, List[LayerMaps]]:
    """Draw channels of some layers as small squares; tabulate their ranges.

    Args:
        models, out, size: See ``report_cosine_distance``.
        images (Images): The first of them is encoded.
        features (str): Kind of a block's features. Defaults to those that
            enter the second linear layer.
        layers (Sequence[str], optional): Names of blocks. Defaults to None,
            the last one of each stage.
        num_channels (int): Number of channels, the first ones. Defaults to
            64.

    Raises:
        ValueError: If a model has no block of a given name, or no maps.
    """
    first = Images(images.paths[:1], images.labels[:1], images.classes)
    found = {}
    for model in models:
        if not hasattr(model.backbone, 'downsample_layers'):
            raise ValueError(f'{model.name} is no ConvNeXt: no maps to draw')
        grid = ActivationGrid(_known_layers(model, layers), num_channels)
        found[model.name] = _observe(model, first, size, 1, (features, ), grid)
    numbers = ('mean', 'std', 'min', 'max')
    rows = ((name, layer, kind, channel,
             *(float(getattr(square, f)()) for f in numbers))
            for name, layers in found.items() for layer, kind, maps in layers
            for channel, square in enumerate(maps))
    picture = read_centre(first.paths[0], size)[..., ::-1]
    _write('activations', out,
           ('model', 'layer', 'features', 'channel', *numbers), rows,
           plots.plot_activations(found, picture))
    return found


def _observe(model: Model, images: Images, size: int, batch_size: int,
             features: Sequence[str], see: Any) -> List[Any]:
    stream = batches(images, model.preprocess, size, batch_size)
    return observe(model.backbone, stream, features, see).layers()


def _known_layers(model: Model, layers: Optional[Sequence[str]]) -> List[str]:
    there = list(blocks(model.backbone))
    if layers is None:
        last = {name.rpartition('.')[0]: name for name in there}
        return list(last.values())
    unknown = [x for x in layers if x not in there]
    if unknown:
        raise ValueError(f'{model.name} has no block {unknown[0]!r}; it has '
                         f'{there[0]} to {there[-1]}')
    return list(layers)


def _write(analysis: str, out: Path, header: Sequence[str],
           rows: Iterable[Sequence[Any]], figure: Any = None) -> None:
    """Write a table, floats with 6 significant digits, and a figure."""
    out.mkdir(parents=True, exist_ok=True)
    table, *pictures = files_of(analysis, out)
    with written_whole(table) as part, open(part, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        for row in rows:
            writer.writerow(
                [f'{x:.6g}' if isinstance(x, float) else x for x in row])
    for picture in pictures:
        with written_whole(picture) as part:
            figure.savefig(part, dpi=120)
