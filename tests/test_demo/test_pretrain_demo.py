"""FCMAE against from scratch, shortened: what it leaves, keeps and refuses."""
import json
import shutil
from pathlib import Path

import cv2
import pretrain_demo
import pytest
import torch

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.datasets import make_shapes

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')
_REFUSED = 2
_SHORT = ['--epochs', '2', '--fcmae-epochs', '3', '--seeds', '0', '1']


@pytest.fixture(scope='session')
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pretrain_demo')
    make_shapes(folder / 'shapes', num_train=16, num_val=2)
    return folder


@pytest.fixture
def tool(shapes, tmp_path, monkeypatch):
    """The tool, in a folder that has the data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').symlink_to(shapes)
    return pretrain_demo


class Trainer:
    """Stands in for training: notes the runs, and stops at ``stop_at``."""

    def __init__(self):
        self.trained = []
        self.stop_at = None

    def __call__(self, cfg, say):
        self.trained.append(cfg)
        name = cfg.experiment_name
        folder = Path(cfg.work_dir)
        folder.mkdir(exist_ok=True)
        for epoch in (2, 3):
            (folder / f'epoch_{epoch}.pth').touch()
        if name == self.stop_at:
            (folder / 'half').touch()
            raise KeyboardInterrupt
        (folder / 'reconstruction_1.png').touch()
        (folder / 'last_checkpoint').write_text('elsewhere/fcmae/epoch_3.pth')
        score = 0.5 if name.startswith('pretrained') else 0.25
        return dict(
            runner=object(), curve=[(4, {}), (8, {'coco/bbox_mAP': score})],
            loss=0.75, checkpoint='epoch_3.pth', iterations=3, seconds=60.)

    @property
    def names(self):
        """Runs made since the last look."""
        names = [cfg.experiment_name for cfg in self.trained]
        self.trained.clear()
        return names


@pytest.fixture
def trainer(monkeypatch):
    trainer = Trainer()
    monkeypatch.setattr(pretrain_demo, 'train', trainer)
    return trainer


_ALL = [
    'fcmae', 'scratch_seed0', 'pretrained_seed0', 'scratch_seed1',
    'pretrained_seed1'
]


@pytest.mark.slow
def test_in_short(tool, tmp_path, capsys, monkeypatch):
    assert tool.main(['--work-dir', 'out', *_SHORT]) == 0
    said = capsys.readouterr().out
    out = tmp_path / 'out'
    for text in ('iteration    3/3   loss ', 'iteration    8/8   loss ',
                 'from FCMAE, seed 1 (run 4 of 4', 'mask mAP50', '± 0.',
                 'out/results.md', 'out/reconstruction.png'):
        assert text in said
    results = json.loads((out / 'results.json').read_text())
    assert [x['iteration'] for x in results['rows']] == [4] * 4 + [8] * 4
    assert len(results['rows'][0]['difference']['values']) == 2
    assert 0.8 < results['pretraining']['loss'] < 1.2
    assert (out / 'results.md').read_text().count('| 8 | ') == 4
    # Eight rows of 128 px, in four columns.
    assert cv2.imread(str(out / 'reconstruction.png')).shape == (
        8 * 130, 4 * 130, 3)
    assert cv2.imread(str(out / 'learning_curves.png')).ndim == 3
    log = next((out / 'pretrained_seed1').rglob('*.log')).read_text()
    assert 'PretrainedInit: load from out/fcmae/epoch_3.pth' in log
    # Without its marker pre-training goes on from its last epoch, which is
    # the end; the others are not touched.
    (out / 'fcmae' / 'result.json').unlink()
    shutil.move('out', 'moved')
    assert tool.main(['--resume', 'moved']) == 0
    said = capsys.readouterr().out
    assert 'continuing from moved/fcmae/epoch_3.pth' in said
    assert said.count('done before') == 4 and 'iteration ' not in said
    again = json.loads((tmp_path / 'moved/results.json').read_text())
    assert again['rows'] == results['rows']
    assert again['pretraining']['loss'] == results['pretraining']['loss']


def test_report_and_arms(tool, trainer, tmp_path, capsys):
    assert tool.main(['--work-dir', 'out', *_SHORT]) == 0
    said = capsys.readouterr().out
    assert '(run 2 of 4, about 3:00 left in all)' in said
    assert 'pre-trained: loss 0.750 in the last epoch' in said
    table = (tmp_path / 'out' / 'results.md').read_text()
    assert ('| iterations | shapes, val | from scratch | from FCMAE | '
            'difference |\n') in table
    assert ('| 8 | box mAP | 0.250 ± 0.000 | 0.500 ± 0.000 | '
            '+0.250 ± 0.000 |\n') in table
    verdict = ('Pre-training changes box mAP by +0.250 ± 0.000 after 8 '
               'iterations; higher with 2 of 2 seeds.')
    assert verdict in table and verdict in said
    assert 'mask mAP by +0.000 ± 0.000 after 8 iterations; higher with 0' \
        in table
    # The arms differ in the start alone.
    configs = {cfg.experiment_name: cfg for cfg in trainer.trained}
    assert list(configs) == _ALL
    assert configs['fcmae'].train_cfg.max_epochs == 3
    for seed in (0, 1):
        scratch = configs[f'scratch_seed{seed}'].to_dict()
        other = configs[f'pretrained_seed{seed}'].to_dict()
        assert scratch['randomness'] == dict(seed=seed)
        assert scratch['train_cfg']['max_epochs'] == 2
        assert other['model']['backbone'].pop('init_cfg') == dict(
            type='Pretrained',
            checkpoint='out/fcmae/epoch_3.pth',
            prefix='backbone.')
        for cfg in (scratch, other):
            for key in ('work_dir', 'experiment_name'):
                del cfg[key]
        assert scratch == other


def test_interrupted_and_resumed(tool, trainer, tmp_path, capsys):
    trainer.stop_at = 'scratch_seed1'
    assert tool.main(['--work-dir', 'out', *_SHORT]) == 130
    assert capsys.readouterr().err.endswith('--resume out\n')
    assert trainer.names == _ALL[:4]
    trainer.stop_at = None
    assert tool.main(['--resume', 'out']) == 0
    # What was begun is thrown away.
    assert trainer.names == _ALL[3:]
    assert not (tmp_path / 'out' / 'scratch_seed1' / 'half').exists()
    assert tool.main(['--resume', 'out', '--epochs', '2']) == 0
    assert trainer.names == []
    # More seeds can be asked for later.
    assert tool.main(['--resume', 'out', '--seeds', '0', '5']) == 0
    assert trainer.names == ['scratch_seed5', 'pretrained_seed5']
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert results['settings']['seeds'] == [0, 5]


def test_pretraining_goes_on_from_its_last_epoch(tool, trainer, tmp_path):
    trainer.stop_at = 'fcmae'
    assert tool.main(['--work-dir', 'out', *_SHORT]) == 130
    latest = tmp_path / 'out' / 'fcmae' / 'last_checkpoint'
    latest.write_text('/before/out/fcmae/epoch_2.pth')
    trainer.stop_at = None
    assert tool.main(['--resume', 'out']) == 0
    before, after = trainer.trained[:2]
    assert not before.resume
    assert after.resume and after.load_from == 'out/fcmae/epoch_2.pth'


def _checkpoint(arch):
    state = ConvNeXtV2(arch, final_norm=False).state_dict()
    return dict(state_dict={f'backbone.{k}': x for k, x in state.items()})


def test_given_checkpoint(tool, trainer, tmp_path):
    torch.save(_checkpoint('atto'), 'own.pth')
    assert tool.main(
        ['--work-dir', 'out', '--fcmae-checkpoint', 'own.pth', *_SHORT]) == 0
    configs = {cfg.experiment_name: cfg for cfg in trainer.trained}
    assert list(configs) == _ALL[1:]
    init_cfg = configs['pretrained_seed1'].model.backbone.init_cfg
    assert init_cfg.checkpoint == str(tmp_path / 'own.pth')
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert results['pretraining'] is None


def test_checkpoint_that_does_not_fit(tool, capsys):
    torch.save(_checkpoint('femto'), 'femto.pth')
    assert tool.main(['--work-dir', 'out', '--fcmae-checkpoint', 'femto.pth'
                      ]) == _REFUSED
    message = capsys.readouterr().err
    assert message.startswith('pretrain_demo.py: --fcmae-checkpoint: ')
    assert '/femto.pth: the weights, of ' in message
    assert '(48,) where (40,) is expected' in message
    assert ' do not fit the backbone:' in message
    assert not Path('out').exists()


@pytest.mark.parametrize('arguments, message', [
    (['--work-dir', 'data'],
     'data exists. Choose another --work-dir, or continue with --resume data'),
    (['--resume', 'data'],
     '--resume: data is no output folder of this tool: there is no '
     'data/settings.json'),
    (['--resume', 'done', '--epochs', '3'],
     '--epochs: done was made with 2, not 3; only --seeds can change'),
    (['--seeds', '1', '1'], '--seeds: [1, 1] repeats a seed'),
    (['--epochs', '1'], 'maskrcnn_convnextv2_a_shapes.py takes at least 2 '
     'epochs, 1 of them to warm up; got 1'),
    (['--fcmae-epochs', '2'], 'fcmae_convnextv2_a_shapes.py takes at least 3 '
     'epochs, 2 of them to warm up; got 2'),
    (['--fcmae-checkpoint', 'x.pth'],
     "--fcmae-checkpoint: there is no file 'x.pth'"),
])
def test_refusals(tool, trainer, arguments, message, tmp_path, capsys):
    (tmp_path / 'done').mkdir()
    settings = dict(
        seeds=[0], epochs=2, fcmae_epochs=3, fcmae_checkpoint=None)
    (tmp_path / 'done' / 'settings.json').write_text(json.dumps(settings))
    assert tool.main(arguments) == _REFUSED
    error = capsys.readouterr().err
    assert error.startswith(f'pretrain_demo.py: {message}')
    assert trainer.names == [] and not (tmp_path / 'work_dirs').exists()
