"""Architectures of ConvNeXt V2 and ConvNeXt, and the check of a user's own."""
from typing import List, NamedTuple, Sequence, Tuple, Union

# Name: (channels of the first stage, blocks of each stage).
# ConvNeXt V2, Section 3.3 and Appendix A.1; small and xlarge are the
# sizes that only ConvNeXt has.
ARCHS = {
    'atto': (40, (2, 2, 6, 2)),
    'femto': (48, (2, 2, 6, 2)),
    'pico': (64, (2, 2, 6, 2)),
    'nano': (80, (2, 2, 8, 2)),
    'tiny': (96, (3, 3, 9, 3)),
    'small': (96, (3, 3, 27, 3)),
    'base': (128, (3, 3, 27, 3)),
    'large': (192, (3, 3, 27, 3)),
    'xlarge': (256, (3, 3, 27, 3)),
    'huge': (352, (3, 3, 27, 3)),
}


class Arch(NamedTuple):
    """Blocks and channels of each stage."""

    depths: Tuple[int, ...]
    channels: Tuple[int, ...]


def resolve_arch(arch: Union[str, dict]) -> Arch:
    """Look an architecture up by name, or check the one given.

    Args:
        arch (str | dict): A key of ``ARCHS``, or ``dict(depths=[...],
            channels=[...])`` with a positive number per stage in each.

    Raises:
        TypeError: If it is neither a string nor a dict.
        ValueError: If the name is unknown or the dict not of that form.
    """
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise ValueError(f'arch must be one of {list(ARCHS)} or a dict '
                             f'with depths and channels, got {arch!r}')
        width, depths = ARCHS[arch]
        return Arch(depths, tuple(width * 2**i for i in range(len(depths))))
    if not isinstance(arch, dict):
        raise TypeError('arch must be a name or a dict with depths and '
                        f'channels, got {type(arch).__name__}')
    if set(arch) != {'depths', 'channels'}:
        raise ValueError('an arch dict must have the keys depths and '
                         f'channels, got {sorted(map(str, arch))}')
    depths, channels = arch['depths'], arch['channels']
    for name, value in (('depths', depths), ('channels', channels)):
        if not (isinstance(value, Sequence) and value
                and all(isinstance(v, int) and v > 0 for v in value)):
            raise ValueError(f'arch {name} must be a non-empty sequence of '
                             f'positive integers, got {value!r}')
    if len(depths) != len(channels):
        raise ValueError('arch depths and channels must have one entry per '
                         f'stage each, got {depths} and {channels}')
    return Arch(tuple(depths), tuple(channels))


def resolve_out_indices(out_indices: Union[int, Sequence[int]],
                        num_stages: int) -> List[int]:
    """Turn stage indices, which may count from the end, into a sorted list.

    Raises:
        TypeError: If they are not an int or a sequence of ints.
        ValueError: If there is none, one twice, or one out of range.
    """
    indices = [out_indices] if isinstance(out_indices, int) else out_indices
    if isinstance(indices, str) or not isinstance(
            indices, Sequence) or not all(isinstance(i, int) for i in indices):
        raise TypeError('out_indices must be an int or a sequence of ints, '
                        f'got {out_indices!r}')
    if not all(-num_stages <= i < num_stages for i in indices):
        raise ValueError(f'out_indices must lie in [-{num_stages}, '
                         f'{num_stages - 1}] for {num_stages} stages, got '
                         f'{out_indices!r}')
    resolved = sorted({i % num_stages for i in indices})
    if not resolved or len(resolved) != len(indices):
        raise ValueError('out_indices must name at least one stage and none '
                         f'twice, got {out_indices!r}')
    return resolved
