"""JPEGs of ImageNet's size and weight, and larger, made of photographs."""
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

# Width, height and about how many bytes. ImageNet's images weigh 110 kB.
KINDS = {
    '500x375': (500, 375, 110_000),
    '1024x768': (1024, 768, 250_000),
    '2000x1500': (2000, 1500, 700_000)
}
_PHOTOGRAPHS = {
    'skimage': ('data/astronaut.png', 'data/coffee.png', 'data/chelsea.png',
                'data/rocket.jpg', 'data/motorcycle_left.png',
                'data/motorcycle_right.png'),
    'sklearn': ('datasets/images/china.jpg', 'datasets/images/flower.jpg')
}


def write_images(root: Path, kind: str) -> Path:
    """Write a folder of 8 JPEGs of one of the ``KINDS``; returns it."""
    width, height, num_bytes = KINDS[kind]
    folder = root / kind
    folder.mkdir()
    rng = np.random.default_rng(0)
    for package, names in _PHOTOGRAPHS.items():
        at = Path(find_spec(package).submodule_search_locations[0])
        for name in names:
            image = _filled(cv2.imread(str(at / name)), width, height, rng)
            path = folder / f'{Path(name).stem}.jpg'
            path.write_bytes(_encoded(image, num_bytes))
    return folder


def _filled(image: np.ndarray, width: int, height: int,
            rng: np.random.Generator) -> np.ndarray:
    """Resize to cover a size, and crop to it."""
    scale = max(width / image.shape[1], height / image.shape[0])
    size = [max(goal, round(scale * side)) for goal, side in
            ((width, image.shape[1]), (height, image.shape[0]))]
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    image = cv2.resize(image, size, interpolation=method)[:height, :width]
    if scale > 1.5:
        # A camera's noise, which upsampling leaves out and JPEG pays for.
        noisy = image + rng.normal(0, 4, image.shape)
        image = noisy.clip(0, 255).astype(np.uint8)
    return image


def _encoded(image: np.ndarray, num_bytes: int) -> bytes:
    """The JPEG of the highest quality within a number of bytes."""
    low, high = 30, 99
    while low < high:
        quality = (low + high + 1) // 2
        if len(_jpeg(image, quality)) > num_bytes:
            high = quality - 1
        else:
            low = quality
    return _jpeg(image, low)


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    return cv2.imencode('.jpg', image,
                        [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
