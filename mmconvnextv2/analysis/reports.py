"""The analyses as a table and a figure beside it, for several models."""
import csv
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
)

from mmconvnextv2.files import written_whole
from mmconvnextv2.images import read_centre
from .activations import ActivationGrid, LayerMaps
from .class_selectivity import ClassSelectivity, LayerSelectivity
from .cosine_distance import CosineDistance, LayerDistance
from .features import AFTER_GRN, BEFORE_GRN, OUTPUT, blocks, observe
from .images import Images, batches
from .models import Model
from .plots import (
    plot_activations,
    plot_class_selectivity,
    plot_cosine_distance,
)

COSINE_DISTANCE = 'cosine_distance'
CLASS_SELECTIVITY = 'class_selectivity'
ACTIVATIONS = 'activations'


def files_of(analysis: str, out: Path) -> Tuple[Path, Path]:
    """Name the table and the figure that an analysis writes."""
    return out / f'{analysis}.csv', out / f'{analysis}.png'


def write_table(path: Path, header: Sequence[str],
                rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file, floats with 6 significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part, open(part, 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(header)
        for row in rows:
            writer.writerow(
                [f'{x:.6g}' if isinstance(x, float) else x for x in row])


def write_figure(figure: Any, path: Path) -> None:
    """Write a figure of Matplotlib as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        figure.savefig(part, dpi=120)


def report_cosine_distance(models: Sequence[Model], images: Images, out: Path,
                           size: int,
                           batch_size: int) -> Dict[str, List[LayerDistance]]:
    """Measure, tabulate and plot the cosine distance of every layer.

    Args:
        models (Sequence[Model]): Models to compare.
        images (Images): Images to encode.
        out (Path): Folder for the table and the figure, see ``files_of``.
        size (int): Side of the images, in pixels.
        batch_size (int): Images in memory at a time.

    Returns:
        dict[str, list[LayerDistance]]: By name of the model.
    """
    found = _observe_all(models, images, size, batch_size,
                         (BEFORE_GRN, AFTER_GRN), CosineDistance)
    table, figure = files_of(COSINE_DISTANCE, out)
    write_table(table, ('model', *LayerDistance._fields),
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
        models, images, out, size, batch_size: See ``report_cosine_distance``;
            images lie in folders of classes, the table has a row for each
            unit.
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
    found = _observe_all(
        models, images, size, batch_size, (OUTPUT, ),
        lambda: ClassSelectivity(len(images.classes), rectify))
    table, figure = files_of(CLASS_SELECTIVITY, out)
    header = ('model', 'layer', 'unit', 'images', 'classes', 'index')
    write_table(table, header,
                ((name, x.layer, unit, x.images, x.classes, index)
                 for name, layers in found.items() for x in layers
                 for unit, index in enumerate(x.index.tolist())))
    write_figure(plot_class_selectivity(found), figure)
    return found


def _observe_all(models: Sequence[Model], images: Images, size: int,
                 batch_size: int, features: Sequence[str],
                 make: Callable[[], Any]) -> Dict[str, list]:
    """Show images to each model and return what the collectors found."""
    return {
        model.name:
        observe(model.backbone,
                batches(images, model.preprocess, size, batch_size), features,
                make()).layers()
        for model in models
    }


def report_activations(models: Sequence[Model],
                       images: Images,
                       out: Path,
                       size: int,
                       features: str = AFTER_GRN,
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

    Returns:
        dict[str, list[LayerMaps]]: By name of the model.

    Raises:
        ValueError: If a model has no block of a given name.
    """
    first = Images(images.paths[:1], images.labels[:1], images.classes)
    found = {}
    for model in models:
        grid = ActivationGrid(_known_layers(model, layers), num_channels)
        stream = batches(first, model.preprocess, size, 1)
        observe(model.backbone, stream, (features, ), grid)
        found[model.name] = grid.layers()
    table, figure = files_of(ACTIVATIONS, out)
    numbers = ('mean', 'std', 'min', 'max')
    write_table(table, ('model', 'layer', 'features', 'channel', *numbers),
              ((name, layer, kind, channel,
                *(float(getattr(square, f)()) for f in numbers))
               for name, layers in found.items()
               for layer, kind, maps in layers
               for channel, square in enumerate(maps)))
    picture = read_centre(first.paths[0], size)[..., ::-1]
    write_figure(plot_activations(found, picture), figure)
    return found


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
