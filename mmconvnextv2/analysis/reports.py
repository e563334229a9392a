"""The analyses as a table and a figure beside it, for several models."""
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from .activations import ActivationGrid, ChannelMap
from .class_selectivity import ClassSelectivity, LayerSelectivity
from .cosine_distance import CosineDistance, LayerDistance
from .features import AFTER_GRN, BEFORE_GRN, OUTPUT, blocks, observe
from .images import Images, batches, read_image
from .models import Model
from .output import write_csv, write_figure
from .plots import (
    plot_activations,
    plot_class_selectivity,
    plot_cosine_distance,
)

COSINE_DISTANCE = 'cosine_distance'
CLASS_SELECTIVITY = 'class_selectivity'
ACTIVATIONS = 'activations'


def files_of(analysis: str, out: Path) -> Tuple[Path, Path]:
    """The table and the figure that an analysis writes."""
    return out / f'{analysis}.csv', out / f'{analysis}.png'


def report_cosine_distance(models: Sequence[Model], images: Images, out: Path,
                           size: int,
                           batch_size: int) -> Dict[str, List[LayerDistance]]:
    """Measure, tabulate and plot the cosine distance of every layer.

    Args:
        models (Sequence[Model]): What to compare.
        images (Images): Which images to encode.
        out (Path): Folder for cosine_distance.csv and .png.
        size (int): Side of the images in pixels.
        batch_size (int): Images in memory at a time.

    Returns:
        dict[str, list[LayerDistance]]: By name of the model.
    """
    found = {
        model.name:
        observe(model.backbone,
                batches(images, model.preprocess, size, batch_size),
                (BEFORE_GRN, AFTER_GRN), CosineDistance()).layers()
        for model in models
    }
    table, figure = files_of(COSINE_DISTANCE, out)
    write_csv(table, ('model', *LayerDistance._fields),
              ((name, *x) for name, layers in found.items() for x in layers))
    write_figure(plot_cosine_distance(found), figure)
    return found


def report_class_selectivity(
        models: Sequence[Model],
        images: Images,
        out: Path,
        size: int,
        batch_size: int,
        rectify: bool = True) -> Dict[str, List[LayerSelectivity]]:
    """Measure, tabulate and plot the class selectivity of every block.

    Args:
        models (Sequence[Model]): What to compare.
        images (Images): Which images to encode, in folders of classes.
        out (Path): Folder for class_selectivity.csv and .png; the table has a
            row for each unit.
        size (int): Side of the images in pixels.
        batch_size (int): Images in memory at a time.
        rectify (bool): See ``ClassSelectivity``. Defaults to True.

    Returns:
        dict[str, list[LayerSelectivity]]: By name of the model.

    Raises:
        ValueError: If the images are of fewer than two classes.
    """
    if len(images.classes) < 2:
        raise ValueError(
            'class selectivity needs images in folders of at least 2 classes, '
            f'FOLDER/CLASS/IMAGE; found the folders {images.classes}')
    found = {
        model.name:
        observe(model.backbone,
                batches(images, model.preprocess, size,
                        batch_size), (OUTPUT, ),
                ClassSelectivity(len(images.classes), rectify)).layers()
        for model in models
    }
    table, figure = files_of(CLASS_SELECTIVITY, out)
    write_csv(table, ('model', 'layer', 'unit', 'images', 'classes', 'index'),
              ((name, x.layer, unit, x.images, x.classes, index)
               for name, layers in found.items() for x in layers
               for unit, index in enumerate(x.index.tolist())))
    write_figure(plot_class_selectivity(found), figure)
    return found


def default_layers(model: Model) -> List[str]:
    """The last block of each stage."""
    last = {name.rpartition('.')[0]: name for name in blocks(model.backbone)}
    return list(last.values())


def report_activations(models: Sequence[Model],
                       images: Images,
                       out: Path,
                       size: int,
                       features: str = AFTER_GRN,
                       layers: Optional[Sequence[str]] = None,
                       num_channels: int = 64) -> Dict[str, List[ChannelMap]]:
    """Draw channels of some layers as small squares.

    Args:
        models (Sequence[Model]): What to compare.
        images (Images): The first of them is encoded.
        out (Path): Folder for activations.csv, with the range of each channel,
            and .png.
        size (int): Side of the image in pixels.
        features (str): Which of a block's features. Defaults to those that
            enter the second linear layer.
        layers (Sequence[str], optional): Names of blocks. Defaults to None,
            the last one of each stage.
        num_channels (int): How many channels, the first ones. Defaults to 64.

    Returns:
        dict[str, list[ChannelMap]]: By name of the model.

    Raises:
        ValueError: If a model has no block of a given name.
    """
    first = Images(images.paths[:1], images.labels[:1], images.classes)
    found = {}
    for model in models:
        chosen = _known_layers(model, layers)
        stream = batches(first, model.preprocess, size, 1)
        grid = ActivationGrid(chosen, num_channels)
        observe(model.backbone, stream, (features, ), grid)
        found[model.name] = list(grid.layers())
    table, figure = files_of(ACTIVATIONS, out)
    header = ('model', 'layer', 'features', 'channel', 'mean', 'std', 'min',
              'max')
    write_csv(table, header,
              ((name, x.layer, x.features, x.channel,
                *(float(f())
                  for f in (x.map.mean, x.map.std, x.map.min, x.map.max)))
               for name, maps in found.items() for x in maps))
    picture = read_image(first.paths[0], size)[..., ::-1]
    write_figure(plot_activations(found, picture), figure)
    return found


def _known_layers(model: Model, layers: Optional[Sequence[str]]) -> List[str]:
    there = list(blocks(model.backbone))
    chosen = default_layers(model) if layers is None else list(layers)
    unknown = [x for x in chosen if x not in there]
    if unknown:
        raise ValueError(f'{model.name} has no block {unknown[0]!r}; it has '
                         f'{there[0]} to {there[-1]}')
    return chosen
