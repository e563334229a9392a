"""Images and label maps as they come in real data sets: odd or damaged."""
from pathlib import Path
from typing import Dict, Sequence

import cv2
import numpy as np
from PIL import Image

# What mmcv reads although it is unusual.
ODD = ('cmyk', '16 bit', '1x1')
DAMAGED = ('corrupt', 'truncated', 'empty')


def spoil(path: Path, kind: str) -> None:
    """Replace an image by one of the same name that is odd or damaged."""
    content = path.read_bytes()
    with Image.open(path) as file:
        image = file.convert('RGB')
    # The layouts of the shapes share files.
    path.unlink()
    if kind == 'cmyk':
        image.convert('CMYK').save(path, 'JPEG')
    elif kind == '16 bit':
        values = np.asarray(image)[..., ::-1].astype(np.uint16) * 257
        path.write_bytes(cv2.imencode('.png', values)[1].tobytes())
    elif kind == '1x1':
        image.crop((0, 0, 1, 1)).save(path)
    elif kind == 'corrupt':
        path.write_bytes(bytes(range(256)) * 8)
    elif kind == 'truncated':
        path.write_bytes(content[:len(content) // 2])
    elif kind == 'empty':
        path.touch()
    else:
        raise ValueError(kind)


def spoil_some(images: Sequence[Path]) -> Dict[str, Path]:
    """Spoil the first images, each in one way; says which in which way."""
    spoilt = dict(zip((*ODD, *DAMAGED), sorted(images)))
    for kind, path in spoilt.items():
        spoil(path, kind)
    return spoilt
