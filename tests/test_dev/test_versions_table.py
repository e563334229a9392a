"""The README's table of versions is the one that CI installs."""
from importlib import metadata

import pytest
import versions_table
from versions_table import SECTION

_, BEGIN, END = SECTION


@pytest.fixture
def pinned(tmp_path, monkeypatch):
    """Folder of a checkout with two stacks, as short as can be."""
    common = 'numpy==2.1\n# a remark\n'
    rest = '{0}mmdet{2}==3\n{0}mmseg{1}==1\n{0}mmpretrain==1.2\n'
    files = dict(
        torch='torch==2.9\n',
        torchvision='torchvision==0.24\n',
        common=common,
        maintained='onedl-mmcv==2.3\nonedl-mmengine==0.11\n'
        'onedl-mim==0.5\n' + rest.format('onedl-', 'mentation', 'ection'),
        classic='mmcv==2.1\nmmengine==0.10\nopenmim==0.3\n' +
        rest.format('', 'mentation', ''))
    for name, text in files.items():
        (tmp_path / f'{name}.txt').write_text(text)
    monkeypatch.setattr('setup_env.REQUIREMENTS', tmp_path)
    monkeypatch.setattr(versions_table, 'REQUIREMENTS', tmp_path)
    monkeypatch.setattr(
        versions_table, 'bounds', lambda: dict(torch='>=2.0.0, <3.0.0'))
    return tmp_path


def test_table(pinned):
    assert versions_table.table() == '''\
| | maintained stack | classic stack | accepted |
| --- | --- | --- | --- |
| torch | 2.9 | 2.9 | >=2.0.0, <3.0.0 |
| torchvision | 0.24 | 0.24 | any |
| numpy | 2.1 | 2.1 | any |
| mmengine | onedl-mmengine 0.11 | 0.10 | any |
| mmcv | onedl-mmcv 2.3 | 2.1 | any |
| mmdet | onedl-mmdetection 3 | 3 | any |
| mmseg | onedl-mmsegmentation 1 | mmsegmentation 1 | any |
| mmpretrain | onedl-mmpretrain 1.2 | 1.2 | any |
| mim | onedl-mim 0.5 | openmim 0.3 | any |
| CI runs | all tests | cross-package tests | |'''


def test_missing_pin_is_named(pinned):
    (pinned / 'torch.txt').write_text('')
    with pytest.raises(ValueError, match=r'requirements/ pin none of torch$'):
        versions_table.table()


def test_bounds_are_those_that_the_package_checks():
    from mmconvnextv2 import version
    low, high = version.REQUIRED['mmengine']
    assert versions_table.bounds()['mmengine'] == f'>={low}, <{high}'
    assert set(versions_table.bounds()) == {*version.REQUIRED,
                                            *version.OPTIONAL}


def test_pins_are_those_of_the_environment():
    is_classic = any(metadata.distributions(name='mmengine'))
    stack = versions_table.pins('classic' if is_classic else 'maintained')
    # A local version tells the build: 2.13.0+cpu.
    found = {x: metadata.version(x).split('+')[0] for x in stack}
    assert found == stack


def test_table_is_written_between_its_marks_and_checked(
        pinned, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(versions_table, 'ROOT', tmp_path)
    readme = tmp_path / 'README.md'
    readme.write_text(f'above\n{BEGIN}\nold\n{END}\nbelow\n')
    assert versions_table.main(['--check']) == 1
    assert capsys.readouterr().err == (
        'README.md is out of date: run `python dev/versions_table.py`.\n')
    assert 'old' in readme.read_text()
    assert versions_table.main([]) == 0
    assert readme.read_text() == (
        f'above\n{BEGIN}\n{versions_table.table()}\n{END}\nbelow\n')
    assert versions_table.main(['--check']) == 0
