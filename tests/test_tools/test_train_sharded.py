"""FSDP by train.py: two processes on the CPU, compared with unsharded ones."""
import json
from pathlib import Path

import mmengine._strategy.base
import mmengine.runner.runner
import pytest
import torch
from crafted_checkpoints import RECORD, RESUMED, WEIGHTS
from processes import run_processes
from run_results import load
from sharded_task import difference, train, write_task

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.datasets import make_shapes

_PARTS = ['state_dict', 'optimizer', 'param_schedulers']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder with the data: 16 images, 4 iterations an epoch."""
    folder = tmp_path_factory.mktemp('sharded')
    make_shapes(folder / 'data' / 'shapes', num_train=16, num_val=5)
    return folder


@pytest.fixture
def run_task(folder, load_tool, monkeypatch):
    """Function that writes and trains a task; returns the outputs."""
    monkeypatch.chdir(folder)
    # It asks compilers for their versions, for a second or more.
    for module in (mmengine.runner.runner, mmengine._strategy.base):
        monkeypatch.setattr(module, 'collect_env', dict)
    main = load_tool('train').main

    def run(kind, sharded, work_dir, *options, more='', **expected):
        config = write_task(folder, configs_folder(), kind, sharded, more)
        return train(main, folder, config, work_dir, *options, **expected)

    return run


def _logged(work_dir, key):
    file, = Path(work_dir).glob('*/vis_data/scalars.json')
    lines = map(json.loads, file.read_text().splitlines())
    return [x[key] for x in lines if key in x]


def test_fcmae_is_that_of_data_parallel_processes(run_task):
    run_task('fcmae', False, 'f')
    output, _ = run_task('fcmae', True, 'fs')
    assert 'FSDP: the model is sharded in 7 units over 2 processes' in output
    # Rounding of sums alone; parameters and state of AdamW, by name and order.
    assert difference('f/epoch_2.pth', 'fs/epoch_2.pth', _PARTS) < 1e-10
    start = load('f/epoch_1.pth')['state_dict']
    end = load('f/epoch_2.pth')['state_dict']
    assert any(not start[k].equal(end[k]) for k in start)
    assert end['backbone.stages.0.0.norm.weight'].dtype == torch.float64
    losses = _logged('f', 'loss')
    assert len(losses) == 8
    assert _logged('fs', 'loss') == pytest.approx(losses, abs=1e-10)
    # Of the whole model, though drawn by one process alone.
    assert [x.name for x in Path('fs').rglob('reconstruction_2.png')]


@pytest.mark.slow
@pytest.mark.parametrize('sharded', [False, True])
def test_compiled_blocks(run_task, sharded):
    hook = dict(type='mmconvnextv2.CompileBlocksHook', backend='aot_eager')
    plain, compiled = f'plain_{sharded}', f'compiled_{sharded}'
    run_task('fcmae', sharded, plain)
    output, _ = run_task('fcmae', sharded, compiled,
                         more=f'default_hooks.update(compile_blocks={hook})')
    assert 'torch.compile: 6 blocks' in output
    assert 'recompile_limit' not in output
    assert difference(f'{plain}/epoch_2.pth', f'{compiled}/epoch_2.pth',
                      _PARTS) < 1e-10


def test_weight_that_is_nan_is_named_by_all(run_task):
    name = 'neck.decoder.0.pointwise_conv1.weight'
    hooks = f"custom_hooks = [dict(type='Disturb', at=2, weight='{name}')]\n"
    outputs = run_task('fcmae', True, 'nan', more=hooks, code=1)
    for output in outputs:
        assert 'Stopped: a gradient is not finite at epoch 1, iteration 2' \
            in output
        assert f'It began in the model before this step: {name}.' in output


@pytest.mark.slow
def test_run_that_is_stopped_goes_on(run_task):
    hooks = ("custom_hooks = [dict(type='Disturb', at=6)]\n"
             'default_hooks.update(preemption=dict(interval=1))\n')
    run_task('fcmae', True, 'whole')
    outputs = run_task('fcmae', True, 'part', more=hooks, code=75)
    assert 'after iteration 6, saved as interrupted.pth' in outputs[0]
    assert not Path('part/epoch_2.pth').exists()
    run_task('fcmae', True, 'part', '--resume')
    assert difference('whole/epoch_2.pth', 'part/epoch_2.pth', _PARTS) == 0
    for change, message in (WEIGHTS['NaN'], RECORD['epoch -1'],
                            RESUMED['learning rate NaN']):
        content = load('part/epoch_2.pth')
        change(content)
        torch.save(content, 'bad.pth')
        outputs = run_task('fcmae', True, 'bad', '--resume', 'bad.pth', code=2)
        assert f'train.py: bad.pth: {message}' in outputs[0]


@pytest.mark.slow
def test_classifier_resumed_and_evaluated(run_task, folder, load_tool):
    """Layer decay, accumulation, EMA and its evaluation in every epoch."""
    parts = [*_PARTS, 'ema_state_dict']
    run_task('classifier', False, 'c')
    run_task('classifier', True, 'cs')
    assert difference('c/epoch_2.pth', 'cs/epoch_2.pth', parts) < 1e-10
    averaged, model = (load('cs/epoch_2.pth')[x]
                       for x in ('state_dict', 'ema_state_dict'))
    assert not averaged['head.fc.weight'].equal(model['module.head.fc.weight'])
    losses, top1 = (_logged('c', x) for x in ('loss', 'accuracy/top1'))
    assert _logged('cs', 'loss') == pytest.approx(losses, abs=1e-10)
    assert _logged('cs', 'accuracy/top1') == top1 and len(top1) == 2
    # From a file that either of the two has written.
    run_task('classifier', True, 'again', '--resume', 'cs/epoch_1.pth')
    assert difference('cs/epoch_2.pth', 'again/epoch_2.pth', parts) == 0
    run_task('classifier', True, 'other', '--resume', 'c/epoch_1.pth')
    assert difference('c/epoch_2.pth', 'other/epoch_2.pth', parts) < 1e-10
    run_task('classifier', False, 'back', '--resume', 'cs/epoch_1.pth')
    assert difference('c/epoch_2.pth', 'back/epoch_2.pth', parts) < 1e-10
    _check_evaluation(folder, load_tool('test').main, top1[-1])


@pytest.mark.slow
@pytest.mark.parametrize('sharded', [False, True])
def test_resumed_at_every_epoch_boundary(run_task, sharded):
    """With the best saved, which is written between two of the same name."""
    more = ("default_hooks['checkpoint'].update(save_best='accuracy/top1')\n"
            "train_cfg.update(max_epochs=3)\n"
            # 4 iterations an epoch: an update is of two epochs.
            "optim_wrapper.update(accumulative_counts=3)\n")
    name = f'best_{sharded}'
    run_task('classifier', sharded, name, more=more)
    there = sorted(x.name for x in Path(name).glob('*.pth'))
    best, = (x for x in there if x.startswith('best'))
    saved = {x: load(f'{name}/{x}')['meta'] for x in there}
    for file, meta in saved.items():
        epoch = int(Path(file).stem.rpartition('_')[2])
        assert (meta['epoch'], meta['iter']) == (epoch, 4 * epoch)
    for epoch in (1, 2):
        part = f'{name}_{epoch}'
        fault = dict(more=f"{more}custom_hooks.append(dict(type='Disturb', "
                     f"at={4 * epoch + 1}, fails=True))\n", code=1)
        run_task('classifier', sharded, part, **fault)
        assert (Path(part) / f'epoch_{epoch}.pth').exists()
        run_task('classifier', sharded, part, '--resume', more=more)
        assert sorted(x.name for x in Path(part).glob('*.pth')) == there
        for file in there:
            assert load(f'{part}/{file}')['meta']['iter'] == \
                saved[file]['iter']
        # Of the gradients that wait for an update the mean of both is saved.
        most = 0 if sharded else 1e-15
        assert difference(f'{name}/epoch_3.pth', f'{part}/epoch_3.pth',
                          [*_PARTS, 'ema_state_dict']) <= most
        assert difference(f'{name}/{best}', f'{part}/{best}',
                          ['state_dict']) <= most


@pytest.mark.slow
def test_mask_rcnn(run_task):
    run_task('detector', False, 'd')
    output, _ = run_task('detector', True, 'ds')
    assert 'FSDP: the model is sharded in 6 units over 2 processes' in output
    assert difference('d/epoch_2.pth', 'ds/epoch_2.pth', _PARTS) < 1e-8
    losses = _logged('d', 'loss')
    assert len(losses) == 8
    assert _logged('ds', 'loss') == pytest.approx(losses)
    for key in ('coco/bbox_mAP', 'coco/segm_mAP'):
        assert _logged('ds', key) == _logged('d', key)
        assert 0.1 < _logged('ds', key)[-1] < 0.9
    kill = "custom_hooks = [dict(type='Disturb', at=6, signal='SIGKILL')]\n"
    with pytest.raises(RuntimeError, match='rank 1 ended with code -9'):
        run_task('detector', True, 'dk', more=kill)
    assert [x.name for x in Path('dk').glob('*.pth')] == ['epoch_1.pth']
    run_task('detector', True, 'dk', '--resume')
    assert difference('ds/epoch_2.pth', 'dk/epoch_2.pth', _PARTS) == 0


# All proposals are kept and learnt from. An untrained RPN ranks them by
# rounding, so that bfloat16 would train the heads on other boxes, not only in
# another precision. A bfloat16 has 8 bits: 0.4 %.
_ALL_PROPOSALS = """
model['train_cfg'].update(
    rpn_proposal=dict(
        nms_pre=5000, max_per_img=5000, nms=dict(iou_threshold=1.)),
    rcnn=dict(sampler=dict(num=5000)))
"""


@pytest.mark.slow
def test_mask_rcnn_in_mixed_precision(run_task):
    more = dict(more=_ALL_PROPOSALS, dtype=torch.float32)
    run_task('detector', False, 'df', **more)
    more['more'] += "strategy = dict(param_dtype='bfloat16')\n"
    run_task('detector', True, 'dh', **more)
    state = load('dh/epoch_2.pth')['state_dict']
    assert {x.dtype for x in state.values()} == {torch.float32}
    losses, halves = (_logged(x, 'loss') for x in ('df', 'dh'))
    assert losses != halves == pytest.approx(losses, rel=0.003)


def _check_evaluation(folder, main, expected):
    """test.py needs one process, of the config with the strategy."""

    def work(rank):
        return main([
            'classifier_sharded.py', 'cs/epoch_2.pth', '--work-dir', 'tested',
            '--out', 'tested.pkl'
        ])

    assert run_processes(work, folder, 1) == [0]
    file, = Path('tested').glob('*/*.json')
    found = json.loads(file.read_text())['accuracy/top1']
    assert found == pytest.approx(expected)
