import re
import sys
import warnings

import pytest

import mmconvnextv2
from mmconvnextv2 import version

_OURS = f'mmconvnextv2 {version.__version__} needs '
_SECTION = 'README.md of mmconvnextv2, section "Installation".'


@pytest.mark.parametrize('name, found', [
    ('torch', '2.3.1'), ('mmengine', '0.10.2'), ('mmengine', '1.0.0'),
    ('mmcv', '2.0.0'), ('mmcv', '2.4.0')])
def test_refused_version_is_named_with_the_accepted(monkeypatch, name, found):
    monkeypatch.setattr(__import__(name), '__version__', found)
    low, high = version.REQUIRED[name]
    with pytest.raises(ImportError) as caught:
        version.check_required()
    assert str(caught.value) == (
        f'{_OURS}{name}>={low},<{high}, but {name} {found} is installed. '
        f'Versions that work together: {_SECTION}')


@pytest.mark.parametrize('name, found', [
    ('torch', '2.4.0'), ('torch', '2.13.0+cpu'), ('mmengine', '0.10.3'),
    ('mmcv', '2.0.1'), ('mmcv', '2.3.6')])
def test_bounds_are_accepted(monkeypatch, name, found):
    monkeypatch.setattr(__import__(name), '__version__', found)
    # Its silence is the acceptance: anything else is an ImportError.
    assert version.check_required() is None


@pytest.mark.parametrize('name, bounds', [('mmengine', '>=0.10.3,<1.0.0'),
                                          ('mmcv', '>=2.0.1,<2.4.0')])
def test_missing_package_is_named(monkeypatch, name, bounds):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError) as caught:
        version.check_required()
    assert str(caught.value) == (f'{_OURS}{name}{bounds}, which is not '
                                 f'installed. How to install it: {_SECTION}')


@pytest.mark.parametrize('missing, error, message', [
    # mmengine is imported first and needs torch.
    ('torch', ImportError, f'{_OURS}torch>=2.4.0,<3.0.0, which is not'),
    ('yaml', ModuleNotFoundError, "No module named 'yaml'"),
])
def test_a_module_that_mmengine_misses(monkeypatch, missing, error, message):

    def import_module(name):
        raise ModuleNotFoundError(f'No module named {missing!r}', name=missing)

    monkeypatch.setattr(version, 'import_module', import_module)
    with pytest.raises(error, match=f'^{re.escape(message)}'):
        version.check_required()


@pytest.mark.parametrize('installed, message', [
    (dict(mmdet='3.2.0'), 'mmdet>=3.3.0,<4.0.0, but mmdet 3.2.0 is'),
    ({'onedl-mmdetection': '4.0.0'}, 'mmdet>=3.3.0,<4.0.0, but mmdet 4.0.0'),
    (dict(mmsegmentation='0.30.0'), 'mmseg>=1.2.2,<2.0.0, but mmseg 0.30.0'),
    ({'onedl-mmpretrain': '1.1.0'}, 'mmpretrain>=1.2.0,<2.0.0, but mmpretr'),
    ({}, None),
    (dict(mmdet='3.3.0', mmsegmentation='1.2.2', mmpretrain='1.2.0'), None),
    ({'onedl-mmdetection': '3.5.1', 'onedl-mmsegmentation': '1.4.2'}, None),
])
def test_optional_package_of_another_version_warns(monkeypatch, installed,
                                                   message):

    def find(distribution):
        if distribution in installed:
            return installed[distribution]
        raise version.metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(version.metadata, 'version', find)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        version.warn_about_optional()
    assert len(caught) == (message is not None)
    for warning in caught:
        assert str(warning.message).startswith(_OURS + message)


@pytest.mark.parametrize('installed, warned', [
    (('mmdet', ), True), (('mmdet', 'mmcv._ext'), False), ((), False)])
def test_mmcv_without_operators_warns(monkeypatch, installed, warned):
    monkeypatch.setattr(version, 'find_spec',
                        lambda name: name if name in installed else None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        version.warn_about_operators()
    assert [str(x.message) for x in caught] == warned * [
        'mmcv is installed without its compiled operators (mmcv._ext), so '
        "mmdet's models cannot be imported. How to get them: docs/install.md "
        'of mmconvnextv2, "mmcv without operators".']


def test_package_tells_its_version():
    assert mmconvnextv2.__version__ == version.__version__ == '0.1.0'
