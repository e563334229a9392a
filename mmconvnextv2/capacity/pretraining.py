"""How long pre-training on ImageNet takes."""

IMAGENET = 1_281_167  # training images of ImageNet-1K


def days(epochs: int, images_per_second: float, gpus: int) -> float:
    """Days of pure training, without validation and start-up.

    Args:
        epochs (int): Passes over ImageNet-1K.
        images_per_second (float): Of one GPU.
        gpus (int): Number of GPUs, taken to be as fast together as the sum.

    Raises:
        ValueError: If one is not positive.
    """
    for name, value in dict(
            epochs=epochs, images_per_second=images_per_second,
            gpus=gpus).items():
        if not value > 0:
            raise ValueError(f'{name} must be positive, got {value}')
    return IMAGENET * epochs / (images_per_second * gpus) / 86400
