"""The page of all recipes."""
import re
from pathlib import Path

import mmdet
import mmseg
import which_recipe

from mmconvnextv2.config.find import configs_folder, find_config


def test_page_is_up_to_date_and_has_every_recipe():
    assert which_recipe.main(['--check']) == 0
    page = (which_recipe.ROOT / 'docs/which_recipe.md').read_text()
    for path in configs_folder().glob('*.py'):
        assert f' {path.stem} 8`' in page or f' {path.stem}`' in page


def test_a_row():
    row, = (x for x in which_recipe.table().splitlines()
            if ' convnextv2_a_ft_in1k 8' in x)
    assert row == (
        '| | ImageNet-1k | ConvNeXt V2-A | 224x224 | FCMAE | 76.7 '
        '(ConvNeXt V2, Table 14) | `bash tools/dist_train.sh '
        'convnextv2_a_ft_in1k 8` |')


def test_memory_is_that_of_the_packages_metafiles():
    page = (which_recipe.ROOT / 'docs/which_recipe.md').read_text()
    rows = dict(re.findall(r'^\| (\w+) \| \d \| (\S+) \|$', page, re.M))
    assert rows.pop('maskrcnn_convnextv2_b_coco') == '22.5'  # in a README
    assert all(find_config(x).is_file() for x in rows)
    published = [
        x for package in (mmdet, mmseg)
        for file in Path(package.__file__).parent.glob(
            '.mim/configs/convnext/metafile.y*ml')
        for x in re.findall(r'Memory \(GB\): (\S+)', file.read_text())]
    assert list(rows.values()) == published
