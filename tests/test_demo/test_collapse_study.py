"""The study of feature collapse, shortened: what it leaves and keeps."""
import json
import math
import subprocess
import sys
from pathlib import Path

import _training
import collapse_study
import pytest
import torch
from matplotlib.figure import Figure
from mmengine.registry import MODELS

from mmconvnextv2.analysis.cosine_distance import LayerDistance
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.datasets import make_shapes

pytest.importorskip('mmpretrain')
_REFUSED = 2


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('collapse_study')
    make_shapes(folder / 'shapes', num_train=16, num_val=5)
    return folder


@pytest.fixture
def folder(shapes, tmp_path, monkeypatch):
    """Present folder, which has the data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').symlink_to(shapes)
    return tmp_path


@pytest.fixture
def tool(folder, monkeypatch):
    """The tool, for networks of four blocks."""
    (folder / 'configs').mkdir()
    for name in collapse_study.ARMS.values():
        (folder / 'configs' / name).write_text(
            f"_base_ = '{configs_folder() / name}'\n"
            'model = dict(backbone=dict(arch=dict(\n'
            '    _delete_=True, depths=[1] * 4, channels=[4] * 4)))\n')
    monkeypatch.setattr(_training, 'configs_folder',
                        lambda: folder / 'configs')
    return collapse_study


@pytest.fixture
def trained(monkeypatch):
    """Configs that would be trained; the weights are initial ones."""
    configs = []

    def train(cfg, say):
        configs.append(cfg)
        if len(configs) == train.stop_at:
            raise KeyboardInterrupt
        backbone = MODELS.build(cfg.model.backbone)
        folder = Path(cfg.work_dir)
        folder.mkdir(parents=True)
        torch.save(
            dict(state_dict={
                f'backbone.{k}': v
                for k, v in backbone.state_dict().items()
            }), folder / 'epoch_3.pth')
        return dict(
            checkpoint='epoch_3.pth', loss=0.75, iterations=3, seconds=1.)

    train.stop_at = None
    monkeypatch.setattr(collapse_study, 'train', train)
    train.configs = configs
    return train


@pytest.fixture
def no_reports(tool, monkeypatch):
    """Nothing is measured or drawn, which takes seconds."""
    for name in ('cosine_distance', 'class_selectivity', 'activations'):
        monkeypatch.setattr(tool, f'report_{name}', lambda *args: {})
    monkeypatch.setattr(tool, 'plot_cosine_distance', lambda found: Figure())


def test_report(tool, trained, tmp_path, capsys):
    arguments = ['--work-dir', 'out', '--epochs', '3', '--seeds', '0', '1']
    assert tool.main(arguments) == 0
    said = capsys.readouterr().out
    assert said.count('V1 + FCMAE: loss 0.750 in the last epoch') == 2
    assert 'Encoding 5 scenes ...' in said
    assert 'Encoding 5 images of 5 classes ...' in said
    assert len(list((tmp_path / 'out').glob('*.csv'))) == 3
    assert said.count('.png\n') == 3
    table = (tmp_path / 'out' / 'cosine_distance.md').read_text()
    assert table in said
    lines = table.splitlines()
    assert lines[0].startswith(
        '| block | V1 + FCMAE, before GRN | V1 + FCMAE, after GRN | '
        'V2 + FCMAE, before GRN |')
    assert 'V2, untrained' in lines[0] and len(lines) == 2 + 4 + 2


def test_mean_and_deviation_over_seeds(tool):
    layer = LayerDistance('stages.0.0', 'after_grn', 4, 5, 0.1, 0.5, 0.)
    other = layer._replace(distance=0.3, dead=0.2)
    found = tool.over_seeds({'V1, seed 0': [layer], 'V1, seed 1': [other],
                             'V2': [layer]})
    joined, = found['V1']
    assert joined[4:] == pytest.approx((0.2, math.sqrt(0.02), 0.1))
    assert found['V2'] == [layer]


def test_arms_differ_in_the_block_alone(tool, trained, no_reports):
    assert tool.main(['--work-dir', 'out', '--epochs', '4', '--seeds',
                      '7']) == 0
    v1, v2 = (cfg.to_dict() for cfg in trained.configs)
    block = v1.pop('v1')
    assert block == dict(use_grn=False, layer_scale_init_value=1e-6)
    # In the decoder, too.
    assert v1['model']['neck'].pop('block_cfg') == block
    for key, value in block.items():
        assert v1['model']['backbone'].pop(key) == value
    for cfg in (v1, v2):
        assert cfg['randomness'] == dict(seed=7)
        assert cfg['train_cfg']['max_epochs'] == 4
        for key in ('work_dir', 'experiment_name'):
            del cfg[key]
    assert v1 == v2


def test_size_of_both(tool, trained, no_reports):
    assert tool.main(['--work-dir', 'out', '--epochs', '3', '--arch',
                      'nano']) == 0
    models = [cfg.model for cfg in trained.configs]
    assert [x.backbone.arch for x in models] == ['nano'] * 2
    assert [x.neck.in_channels for x in models] == [640] * 2


def test_interrupted_and_gone_on_with(tool, trained, no_reports, tmp_path,
                                      capsys):
    trained.stop_at = 2
    arguments = ['--work-dir', 'out', '--epochs', '3']
    assert tool.main(arguments) == 130
    assert capsys.readouterr().err.endswith(
        '--work-dir out --epochs 3 --seeds 0\n')
    assert not (tmp_path / 'out' / 'cosine_distance.md').exists()
    trained.stop_at = None
    assert tool.main(arguments) == 0
    # What has finished is not repeated.
    names = [cfg.experiment_name for cfg in trained.configs]
    assert names == ['convnextv1', 'convnextv2', 'convnextv2']
    assert tool.main(arguments) == 0
    assert len(trained.configs) == 3
    assert tool.main(['--work-dir', 'out', '--epochs', '5']) == _REFUSED
    assert capsys.readouterr().err == (
        'collapse_study.py: out/seed_0/convnextv1 was made with arch=None, '
        'epochs=3, seed=0; choose another --work-dir\n')


@pytest.mark.slow
def test_in_short(folder):
    # As a process of its own: it must also end.
    done = subprocess.run(
        [sys.executable, collapse_study.__file__, '--epochs', '3',
         '--work-dir', 'out'],
        cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    for arm in collapse_study.ARMS:
        found = json.loads(
            (folder / 'out/seed_0' / arm / 'result.json').read_text())
        assert found['iterations'] == 3 and 0.8 < found['loss'] < 1.3
    assert 'iteration    3/3   loss ' in done.stdout
