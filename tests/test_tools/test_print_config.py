import json

import pytest
from mmengine.config import Config

_REFUSED = 2
FCMAE = 'fcmae_convnextv2_a_in1k'
MASK_RCNN = 'maskrcnn_convnextv2_b_coco'


@pytest.fixture
def show(load_tool, capsys):
    tool = load_tool('print_config')

    def run(*arguments):
        assert tool.main(list(arguments)) == 0
        return capsys.readouterr().out

    return run


def cells(printed):
    """Rows of the tables, cell by cell."""
    return [[cell.strip() for cell in line.strip('│').split('│')]
            for line in printed.splitlines() if line.startswith('│')]


def test_table(show):
    rows = cells(show(MASK_RCNN))
    for row in [['arch', 'base'], ['gpus', '8'], ['batch', '32'],
                ['lr', '0.0001'], ['base_lr', '-'], ['betas', '0.9, 0.999'],
                ['decay_type', 'group-wise'], ['stem_lr', '5.133e-05'],
                ['warmup', 'iterations 1000, from 0.001'],
                ['schedule', 'steps, at 27, 33, factor 0.1'],
                ['train_size', '1024 x 1024'], ['test_size', '1333 x 800']]:
        assert row in rows


def test_weights_are_printed_whole(show):
    printed = show(MASK_RCNN)
    # Over several lines, in a narrow terminal.
    whole = ''.join(row[1] for row in cells(printed))
    assert 'convnext-v2-base_3rdparty-fcmae_in1k_20230104-8a798eaf' in whole


def test_layers(show):
    printed = show(MASK_RCNN, '--layers', '--cfg-options',
                   'optim_wrapper.optimizer.lr=2e-4')
    lines = [line.split(maxsplit=5) for line in printed.splitlines()[-14:]]
    assert lines[0][:3] + lines[0][5:] == ['0', '0.5133', '1.027e-04', 'stem']
    assert lines[12][:3] + lines[12][5:] == [
        '12', '0.95', '1.900e-04', 'downsampling 3, stage 3 blocks 0-2']
    assert lines[13][:3] + lines[13][5:] == [
        '13', '1', '2.000e-04', 'norms, neck, heads']


def test_gpus_and_scaling(show):
    four = json.loads(show(FCMAE, '--json', '--gpus', '4'))
    assert (four['gpus'], four['batch'], four['lr']) == (4, 2048, 2.4e-3)
    scaled = json.loads(
        show(FCMAE, '--json', '--gpus', '4', '--auto-scale-lr'))
    assert (scaled['batch'], scaled['lr']) == (2048, 1.2e-3)
    # Per 256 images it is the recipe's again.
    assert scaled['base_lr'] == pytest.approx(1.5e-4)


def test_full_config_can_be_run(show, tmp_path):
    file = tmp_path / 'whole.py'
    file.write_text(show(MASK_RCNN, '--full'))
    assert Config.fromfile(file).model.backbone.drop_path_rate == 0.4


@pytest.mark.parametrize('arguments, message', [
    (['no_such'], "there is no config file 'no_such'"),
    (['{folder}/empty.py'], 'a recipe needs model in the config, which has ['),
    (['{folder}/empty.py', '--auto-scale-lr'],
     '--auto-scale-lr needs auto_scale_lr.base_batch_size in the config'),
    ([FCMAE, '--gpus', '0'], 'gpus must be at least 1, got 0'),
    ([FCMAE, '--cfg-options', 'train_dataloader.batch_size=5'],
     'the number of GPUs must be given: with 5 images on each, '
     'auto_scale_lr.base_batch_size, 512, does not tell it'),
    ([FCMAE, '--layers'], f'--layers: {FCMAE} has no layer decay'),
])
def test_refusals(load_tool, tmp_path, capsys, arguments, message):
    (tmp_path / 'empty.py').touch()
    named = [x.format(folder=tmp_path) for x in arguments]
    assert load_tool('print_config').main(named) == _REFUSED
    error = capsys.readouterr().err
    assert error.startswith('print_config.py: ') and message in error
