"""The page of all recipes."""
import which_recipe

from mmconvnextv2.config.find import configs_folder


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
