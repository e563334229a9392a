import pytest
from mmengine.config import Config

from mmconvnextv2.config.rewrite.source import folder_of

NAME = 'retinanet_r50_fpn_1x_coco'


@pytest.fixture
def use_backbone(tool_here):
    return tool_here('use_backbone')


def test_writes_what_it_prints_and_never_over_a_file(use_backbone, tmp_path,
                                                     capsys):
    file = tmp_path / f'{NAME}_convnextv2_a.py'
    assert use_backbone(NAME, '--arch', 'atto') == 0
    text = file.read_text()
    assert capsys.readouterr().out.endswith(
        f'{text}\nWritten: {file.name}\n')
    assert f"_base_ = 'mmdet::retinanet/{NAME}.py'\n" in text
    assert f'# Written by: use_backbone.py {NAME} --arch atto\n' in text
    cfg = Config.fromfile(file)
    assert cfg.model.neck.in_channels == [80, 160, 320]
    assert 'style' not in cfg.model.backbone
    assert [x.name for x in tmp_path.iterdir()] == [file.name]
    file.write_text('mine')
    assert use_backbone(NAME, '--arch', 'atto') == 2
    assert capsys.readouterr().err == (
        f'use_backbone.py: {file.name} exists already: give --out another '
        'name, or --force\n')
    assert file.read_text() == 'mine'
    assert use_backbone(NAME, '--arch', 'atto', '--force') == 0
    assert file.read_text() == text


def test_a_config_of_mine_is_inherited_by_its_relative_path(
        use_backbone, tmp_path, capsys):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'net.py').write_text(
        f"_base_ = '{folder_of('mmdet') / 'retinanet' / NAME}.py'\n"
        'model = dict(bbox_head=dict(num_classes=3))\n')
    (tmp_path / 'out').mkdir()
    out = tmp_path / 'out' / 'new.py'
    assert use_backbone('mine/net.py', '--out', 'out/new.py', '--weights',
                        'none', '--keep-optimizer') == 0
    assert "_base_ = '../mine/net.py'" in out.read_text()
    cfg = Config.fromfile(out)
    assert cfg.model.bbox_head.num_classes == 3
    assert 'init_cfg' not in cfg.model.backbone
    assert cfg.optim_wrapper.optimizer.type == 'SGD'


@pytest.mark.parametrize('name, message', [
    ('retinanet_r50_fpn_1x_koko',
     "there is no config file 'retinanet_r50_fpn_1x_koko', neither seen from "
     '{here} nor in the installed packages. Similar names there: '
     'retinanet_r50_fpn_1x_coco, '),
    ('mmdet::retinanet/none.py',
     "there is no config 'mmdet::retinanet/none.py' in {mmdet}\n"),
    ('mmnone::x.py', "there is no config 'mmnone::x.py': mmnone has none\n"),
    ('mmdet::cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco.py',
     'mmdet::cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco.py: its '
     'heads count on maps of strides [4, 4]; '),
    ('new.py', 'new.py is of the new style (read_base), from which only '),
    ('broken.py', 'broken.py cannot be read as a config: SyntaxError: '),
])
def test_refusals_exit_with_2_and_write_nothing(use_backbone, tmp_path,
                                                capsys, name, message):
    (tmp_path / 'new.py').write_text('from mmengine.config import read_base')
    (tmp_path / 'broken.py').write_text('model = (')
    assert use_backbone(name, '--out', 'out.py') == 2
    assert capsys.readouterr().err.startswith('use_backbone.py: ' + message.
        format(here=tmp_path, mmdet=folder_of('mmdet')))
    assert not (tmp_path / 'out.py').exists()
