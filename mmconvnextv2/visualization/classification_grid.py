"""Images with their true and predicted classes, several in one picture."""
from pathlib import Path
from typing import Any, Union

from torch import nn

from .grid import predict_some, read_enlarged, write_grid


def draw_classification_grid(model: nn.Module,
                             dataset: Any,
                             path: Union[str, Path],
                             num_images: int = 12,
                             columns: int = 4,
                             height: int = 240) -> Path:
    """Draw some images with their true and predicted classes.

    Needs mmpretrain. The images are spread evenly over the data set.

    Args:
        model (nn.Module): A classifier of mmpretrain.
        dataset (Dataset): A data set of mmpretrain.
        path (str | Path): The PNG file to write, which appears whole.
        num_images (int): How many images. Defaults to 12.
        columns (int): How many in a row. Defaults to 4.
        height (int): Height of each image in pixels. Defaults to 240.

    Returns:
        Path: ``path``.
    """
    from mmpretrain.visualization import UniversalVisualizer
    visualizer = UniversalVisualizer()
    pictures = [
        visualizer.visualize_cls(
            read_enlarged(sample.img_path, height),
            sample,
            classes=dataset.metainfo['classes'])
        for sample in predict_some(model, dataset, num_images)
    ]
    return write_grid(pictures, path, columns)
