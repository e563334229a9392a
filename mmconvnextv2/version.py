"""The version of this package, and the check of the packages it runs on."""
import warnings
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Optional

__version__ = '0.1.0'

# Import name: (lowest accepted, first refused).
REQUIRED = {
    'torch': ('2.4.0', '3.0.0'),
    'mmengine': ('0.10.3', '1.0.0'),
    'mmcv': ('2.0.1', '2.4.0'),
}
# Import name: (names on the package index, lowest accepted, first refused).
OPTIONAL = {
    'mmdet': (('onedl-mmdetection', 'mmdet'), '3.3.0', '4.0.0'),
    'mmseg': (('onedl-mmsegmentation', 'mmsegmentation'), '1.2.2', '2.0.0'),
    'mmpretrain': (('onedl-mmpretrain', 'mmpretrain'), '1.2.0', '2.0.0'),
}
_WHERE = 'README.md of mmconvnextv2, section "Installation"'


def _mismatch(name: str, found: str, low: str, high: str) -> Optional[str]:
    from mmengine.utils import digit_version
    if digit_version(low) <= digit_version(found) < digit_version(high):
        return None
    return (f'mmconvnextv2 {__version__} needs {name}>={low},<{high}, but '
            f'{name} {found} is installed. Versions that work together: '
            f'{_WHERE}.')


def check_required() -> None:
    """Check torch, mmengine and mmcv.

    Raises:
        ImportError: If one is missing or has a version that is not accepted;
            names the version found and the versions accepted.
    """
    # mmengine first: its digit_version compares versions.
    for name in ('mmengine', 'torch', 'mmcv'):
        try:
            message = _mismatch(name, import_module(name).__version__,
                                *REQUIRED[name])
        except ModuleNotFoundError as error:
            # The missing module may be another one: mmengine imports torch.
            if error.name not in REQUIRED:
                raise
            low, high = REQUIRED[error.name]
            raise ImportError(
                f'mmconvnextv2 {__version__} needs {error.name}>={low},'
                f'<{high}, which is not installed. How to install it: '
                f'{_WHERE}.') from error
        if message:
            raise ImportError(message)


def warn_about_optional() -> None:
    """Warn of an installed mmdet, mmseg or mmpretrain that is not accepted.

    Only their metadata is read: the backbone works without them.
    """
    for name, (distributions, low, high) in OPTIONAL.items():
        for distribution in distributions:
            try:
                found = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
            message = _mismatch(name, found, low, high)
            if message:
                warnings.warn(message, stacklevel=2)


def warn_about_operators() -> None:
    """Warn of an mmcv without the compiled operators that mmdet imports.

    pip builds such an mmcv, in silence, where it finds no wheel.
    """
    if not find_spec('mmcv._ext') and find_spec('mmdet'):
        warnings.warn(
            'mmcv is installed without its compiled operators (mmcv._ext), so '
            "mmdet's models cannot be imported. How to get them: "
            'docs/install.md of mmconvnextv2, "mmcv without operators".',
            stacklevel=2)
