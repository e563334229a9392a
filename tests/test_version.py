import sys
import warnings

import pytest

import mmconvnextv2
from mmconvnextv2 import version


@pytest.mark.parametrize('name, found', [
    ('torch', '2.3.1'),
    ('mmengine', '0.10.2'),
    ('mmengine', '1.0.0'),
    ('mmcv', '2.0.0'),
    ('mmcv', '2.4.0'),
])
def test_refused_version_is_named_with_the_accepted(monkeypatch, name, found):
    module = __import__(name)
    monkeypatch.setattr(module, '__version__', found)
    low, high = version.REQUIRED[name]
    with pytest.raises(ImportError) as caught:
        version.check_required()
    assert str(caught.value) == (
        f'mmconvnextv2 {version.__version__} needs {name}>={low},<{high}, but '
        f'{name} {found} is installed. Versions that work together: '
        'README.md of mmconvnextv2, section "Installation".')


@pytest.mark.parametrize('name, found', [
    ('torch', '2.4.0'),
    ('torch', '2.13.0+cpu'),
    ('mmengine', '0.10.3'),
    ('mmcv', '2.0.1'),
    ('mmcv', '2.3.6'),
])
def test_bounds_are_accepted(monkeypatch, name, found):
    monkeypatch.setattr(__import__(name), '__version__', found)
    # Its silence is the acceptance: anything else is an ImportError.
    assert version.check_required() is None


@pytest.mark.parametrize('name, low, high', [('mmengine', '0.10.3', '1.0.0'),
                                             ('mmcv', '2.0.1', '2.4.0')])
def test_missing_package_is_named(monkeypatch, name, low, high):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as caught:
        version.check_required()
    assert str(caught.value) == (
        f'mmconvnextv2 {version.__version__} needs {name}>={low},<{high}, '
        'which is not installed. How to install it: README.md of '
        'mmconvnextv2, section "Installation".')


def _fail_with(missing):

    def import_module(name):
        raise ModuleNotFoundError(f'No module named {missing!r}', name=missing)

    return import_module


def test_missing_torch_is_named_although_mmengine_is_imported_first(
        monkeypatch):
    monkeypatch.setattr(version, 'import_module', _fail_with('torch'))
    with pytest.raises(ImportError, match=r'needs torch>=2\.4\.0,<3\.0\.0, '
                       'which is not installed'):
        version.check_required()


def test_other_missing_modules_are_not_blamed_on_ours(monkeypatch):
    monkeypatch.setattr(version, 'import_module', _fail_with('yaml'))
    with pytest.raises(ModuleNotFoundError, match="No module named 'yaml'"):
        version.check_required()


def _pretend_installed(monkeypatch, versions):

    def find(distribution):
        if distribution in versions:
            return versions[distribution]
        raise version.metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(version.metadata, 'version', find)


@pytest.mark.parametrize('distribution, found, expected', [
    ('mmdet', '3.2.0', r'needs mmdet>=3\.3\.0,<4\.0\.0, but mmdet 3\.2\.0'),
    ('onedl-mmdetection', '4.0.0', r'but mmdet 4\.0\.0 is installed'),
    ('mmsegmentation', '0.30.0', r'needs mmseg>=1\.2\.2,<2\.0\.0'),
    ('onedl-mmpretrain', '1.1.0', r'needs mmpretrain>=1\.2\.0,<2\.0\.0'),
])
def test_optional_package_of_another_version_warns(monkeypatch, distribution,
                                                   found, expected):
    _pretend_installed(monkeypatch, {distribution: found})
    with pytest.warns(UserWarning, match=expected):
        version.warn_about_optional()


@pytest.mark.parametrize('versions', [
    {},
    dict(mmdet='3.3.0', mmsegmentation='1.2.2', mmpretrain='1.2.0'),
    {'onedl-mmdetection': '3.5.1', 'onedl-mmsegmentation': '1.4.2'},
])
def test_accepted_or_absent_optional_packages_are_silent(
        monkeypatch, versions):
    _pretend_installed(monkeypatch, versions)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        version.warn_about_optional()


def test_package_tells_its_version():
    assert mmconvnextv2.__version__ == version.__version__ == '0.1.0'
