import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS

_REFUSED = 2


def _change(config, text):
    config.write_text(config.read_text() + text)
    return config


def test_defaults(toy, train):
    cfg = train(toy)
    assert cfg.work_dir == './work_dirs/toy'
    assert cfg.launcher == 'none'
    assert not cfg.get('resume') and cfg.get('load_from') is None
    assert cfg.auto_scale_lr.enable is False
    assert cfg.optim_wrapper.type == 'OptimWrapper'
    assert 'model_wrapper_cfg' not in cfg


def test_work_dir_of_argument_goes_before_config_before_name(toy, train):
    _change(toy, "work_dir = 'of_config'\n")
    assert train(toy).work_dir == 'of_config'
    assert train(toy, '--work-dir', 'of_argument').work_dir == 'of_argument'


def test_cfg_options_replace_values_of_the_config(toy, train):
    cfg = train(toy, '--cfg-options', 'train_dataloader.batch_size=1',
                'model.backbone.arch.depths=[2,1]')
    assert cfg.train_dataloader.batch_size == 1
    assert cfg.model.backbone.arch.depths == [2, 1]


def test_auto_scale_lr(toy, train, capsys):
    assert train(toy, '--auto-scale-lr').auto_scale_lr.enable is True
    _change(toy, 'auto_scale_lr = dict(enable=False)\n')
    assert train.main([str(toy), '--auto-scale-lr']) == _REFUSED
    assert 'train.py: --auto-scale-lr needs to know' in capsys.readouterr().err


def test_no_validate(toy, train):
    cfg = train(toy, '--no-validate')
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None


@pytest.mark.parametrize('device, fast, wrapper, said', [
    ('cuda', False, dict(type='AmpOptimWrapper', loss_scale='dynamic'), ''),
    ('cpu', True, dict(type='CPUAmpOptimWrapper'),
     'No GPU in use: mixed precision is bfloat16.'),
    ('cpu', False, dict(type='OptimWrapper'),
     'No GPU in use: float32, not mixed precision, since PyTorch '
     f'{torch.__version__} finds no fast bfloat16 on this CPU.'),
])
def test_amp_by_device(toy, train, monkeypatch, capsys, device, fast, wrapper,
                       said):
    monkeypatch.setattr('mmconvnextv2.engine.cpu.get_device', lambda: device)
    monkeypatch.setattr('mmconvnextv2.engine.cpu.has_fast_bf16', lambda: fast)
    optim_wrapper = train(toy, '--amp').optim_wrapper
    assert optim_wrapper.pop('optimizer') == dict(type='SGD', lr=0.01)
    assert optim_wrapper == wrapper
    out = capsys.readouterr().out
    assert said in out and ('No GPU in use' in out) is bool(said)


def test_amp_of_the_config_stays_and_other_wrappers_are_refused(
        toy, train, monkeypatch, capsys):
    monkeypatch.setattr('mmconvnextv2.engine.cpu.get_device', lambda: 'cuda')
    _change(toy, "optim_wrapper.update(type='AmpOptimWrapper', "
            "loss_scale=8.0)\n")
    assert train(toy, '--amp').optim_wrapper.loss_scale == 8.0
    _change(toy, "optim_wrapper.update(type='OptimWrapperDict')\n")
    assert train.main([str(toy), '--amp']) == _REFUSED
    assert capsys.readouterr().err == (
        'train.py: --amp works with optim_wrapper.type OptimWrapper, the '
        'config has OptimWrapperDict\n')


def test_missing_data_stops_before_anything_is_built(monkeypatch, tmp_path,
                                                     train, capsys):
    monkeypatch.chdir(tmp_path)
    assert train.main(['maskrcnn_convnextv2_b_coco']) == _REFUSED
    out, message = capsys.readouterr()
    assert message.startswith(
        'train.py: maskrcnn_convnextv2_b_coco names files that do not exist')
    assert 'data/coco/annotations/instances_train2017.json' in message
    assert 'https://cocodataset.org/#download' in message
    assert message.endswith(
        'mmconvnextv2 train maskrcnn_convnextv2_a_shapes.py\n')
    assert not out and not list(tmp_path.iterdir())
    # The main process alone explains.
    monkeypatch.setenv('RANK', '1')
    arguments = ['maskrcnn_convnextv2_b_coco', '--launcher', 'pytorch']
    assert train.main(arguments) == _REFUSED
    assert capsys.readouterr() == ('', '')


def test_test_data_is_not_needed_to_train(toy, train):
    _change(toy, "test_dataloader = dict(dataset=dict(ann_file='gone'))\n")
    cfg = train(toy)
    assert cfg.test_dataloader.dataset.ann_file == 'gone'


def test_shapes_are_written_on_first_use(monkeypatch, tmp_path, train, capsys):
    from mmconvnextv2 import datasets
    whole = datasets.make_shapes

    def make_few(root, progress):
        return whole(root, num_train=2, num_val=1)

    monkeypatch.setattr(datasets, 'make_shapes', make_few)
    monkeypatch.chdir(tmp_path)
    cfg = train('maskrcnn_convnextv2_a_shapes')
    assert cfg.work_dir == './work_dirs/maskrcnn_convnextv2_a_shapes'
    assert len(list((tmp_path / 'data/shapes/train2017').iterdir())) == 2
    line = 'Writing the shapes data set to data/shapes (the first time only)\n'
    assert capsys.readouterr().out.startswith(line)
    train('maskrcnn_convnextv2_a_shapes')
    assert 'Writing' not in capsys.readouterr().out


def test_shapes_do_not_replace_what_lies_there(monkeypatch, tmp_path, train,
                                               capsys):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / 'data' / 'shapes' / 'mine.txt'
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert train.main(['maskrcnn_convnextv2_a_shapes']) == _REFUSED
    message = capsys.readouterr().err
    assert 'data/shapes/annotations/instances_train2017.json' in message
    assert 'is not a shapes data set' in message
    assert list(mine.parent.iterdir()) == [mine]


def test_batches_are_collated_as_in_mmpretrain(toy, train):
    assert 'collate_fn' not in train(toy).train_dataloader
    _change(toy, "default_scope = 'mmpretrain'\n"
            "val_dataloader.update(collate_fn=dict(type='pseudo_collate'))\n")
    cfg = train(toy)
    assert cfg.train_dataloader.collate_fn.type == 'default_collate'
    assert cfg.val_dataloader.collate_fn.type == 'pseudo_collate'


def test_runner_type_of_the_config_is_built(monkeypatch, toy, load_tool):
    ran = []

    class OwnRunner:

        @classmethod
        def from_cfg(cls, cfg):
            assert isinstance(cfg, Config)
            return cls()

        def train(self):
            ran.append(type(self))

    monkeypatch.setitem(RUNNERS.module_dict, 'OwnRunner', OwnRunner)
    _change(toy, "runner_type = 'OwnRunner'\n")
    assert load_tool('train').main([str(toy)]) == 0
    assert ran == [OwnRunner]


def test_refusal_is_one_line_and_exit_code_2(toy, tmp_path, tools, run):
    work_dir = tmp_path / 'work_dirs' / 'toy'
    work_dir.mkdir(parents=True)
    (work_dir / 'epoch_1.pth').touch()
    done = run(tmp_path, sys.executable, tools / 'train.py', 'toy.py')
    assert done.returncode == _REFUSED
    assert done.stderr.count('\n') == 1, done.stderr
    assert done.stderr.startswith('train.py: ./work_dirs/toy holds')


def test_help_does_not_promise_what_mim_looks_for(load_tool, capsys):
    # mim adds --gpus or --device to the command if the help has '--gpus'.
    with pytest.raises(SystemExit):
        load_tool('train').parse_args(['-h'])
    assert '--gpus' not in capsys.readouterr().out
