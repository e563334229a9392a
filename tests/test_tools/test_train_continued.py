"""Runs that go on with what an interruption or another config leaves."""
import re
import shutil
from pathlib import Path

import pytest
from faulty_task import EVALUATED
from run_results import assert_equal_end, files, load, logged

_DONE, _STOPPED = 0, 75
# Of 18 iterations, with evaluations after 6, 12 and 18.
_BY_ITER = EVALUATED + '''
train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=18, val_interval=6)
train_dataloader.update(sampler=dict(
    _delete_=True, type='InfiniteSampler', shuffle=True))
default_hooks['checkpoint'].update(by_epoch=False, interval=6)
default_hooks['logger'].update(log_metric_by_epoch=False)
log_processor = dict(by_epoch=False)
'''


def _warning(output):
    """The lines about what differs."""
    found = re.search(r'resumed from:\n((?:  .*\n)+)', output)
    return found[1].replace('\n  ', '\n').strip().split('\n') if found else []


@pytest.mark.parametrize('more, last', [
    (EVALUATED, 'epoch_3.pth'), (_BY_ITER, 'iter_18.pth')])
def test_evaluation_that_was_interrupted_comes_first(start, more, last):
    assert start(work_dir='whole', more=more).wait().code == _DONE
    ended = start(fault='SIGTERM evaluating', more=more).wait()
    assert ended.code == _STOPPED
    assert not logged('w', 'accuracy')
    # The first evaluation, then one that is killed, then all.
    ended = start('--resume', fault='KILL at 14', more=more).wait()
    unit = 'epoch 1' if 'epoch' in last else 'iteration 6'
    said = 'The evaluation after {} is not in the checkpoint: it comes first.'
    assert said.format(unit) in ended.output
    ended = start('--resume', more=more).wait()
    assert ended.code == _DONE and 'comes first' not in ended.output
    assert len(logged('whole', 'accuracy')) == 3
    assert logged('w', 'accuracy') == logged('whole', 'accuracy')
    assert files('w') == files('whole')
    assert_equal_end('whole', 'w', last)
    ended = start('--resume', more=more).wait()
    done = '3 of 3' if 'epoch' in last else '18 of 18'
    assert f'Nothing is left to train: the checkpoint is of {unit[:-2]}' \
        .strip() in ended.output and f' {done}. For a longer run' \
        in ended.output


@pytest.mark.slow
def test_evaluation_of_what_is_not_saved_is_finished(start):
    more = EVALUATED + "default_hooks['checkpoint'].update(interval=2)\n"
    assert start(work_dir='whole', more=more).wait().code == _DONE
    ended = start(fault='SIGTERM evaluating', more=more).wait()
    assert ended.code == _STOPPED
    assert files('w') == ['best_accuracy_epoch_1.pth', 'epoch_1.pth']
    ended = start('--resume', more=more).wait()
    assert ended.code == _DONE and 'comes first' not in ended.output
    assert logged('w', 'accuracy') == logged('whole', 'accuracy')
    assert files('w') == files('whole')
    assert_equal_end('whole', 'w')


def test_longer_run_with_the_schedules_of_the_config(start):
    more = '''
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=4),
    dict(type='CosineAnnealingLR', T_max={0}, by_epoch=True,
         convert_to_iter_based=True, eta_min=1e-5),
    dict(type='MultiStepLR', milestones=[3, 5], by_epoch=True)]
optim_wrapper.update(paramwise_cfg=dict(bias_lr_mult=2.))
'''
    assert start(work_dir='w', epochs=3,
                 more=more.format(3)).wait().code == _DONE
    shutil.copytree('w', 'old')
    long = dict(epochs=6, more=more.format(6))
    assert start(work_dir='whole', **long).wait().code == _DONE
    ended = start('--resume', '--resume-settings', 'config', **long).wait()
    assert ended.code == _DONE
    mine = '{}: {} of the config counts, not {} of the checkpoint'.format
    assert _warning(ended.output) == [
        mine('CosineAnnealingLR T_max', 36, 18),
        mine('CosineAnnealingLR end', 36, 18),
        mine('MultiStepLR end', 6, 3), mine('train_cfg.max_epochs', 6, 3)]
    rates = logged('whole', 'lr', 'base_lr')
    assert len(rates) == 36 and len({x for x, _ in rates.values()}) > 20
    resumed = logged('w', 'lr', 'base_lr')
    assert all(resumed[x] == rates[x] for x in range(19, 37))
    # By default the old schedule goes on, and the log says so.
    ended = start('--resume', work_dir='old', **long).wait()
    assert 'CosineAnnealingLR T_max: 18 of the checkpoint counts, not 36 ' \
        'of the config' in _warning(ended.output)
    old = logged('old', 'lr', 'base_lr')
    assert all(old[x] != rates[x] for x in range(19, 37))


_CHANGED = '''
optim_wrapper.update(accumulative_counts=2)
optim_wrapper['optimizer'].update(lr=0.02, weight_decay=0.3)
param_scheduler = [dict(type='PolyLR', by_epoch=False, end=36, power=2.)]
train_dataloader.update(batch_size=4)
model['backbone'].update(drop_path_rate=0.1)
custom_hooks = [
    dict(type='EMAHook', momentum=0.5), dict(type='mmengine.Fault')]
'''


def test_each_setting_that_differs_has_a_line(start):
    assert start(fault='SIGKILL at 8').wait().code < 0
    ended = start('--resume', more=_CHANGED).wait()
    assert ended.code == _DONE
    mine = '{}: {} of the config counts, not {} of the checkpoint'.format
    theirs = '{}: {} of the checkpoint counts, not {} of the config'.format
    assert _warning(ended.output) == [
        theirs('optimizer lr', 0.01, 0.02),
        theirs('optimizer weight_decay', 0.01, 0.3),
        theirs('PolyLR end', 18, 36),
        theirs('PolyLR power', 1.0, 2.0),
        theirs('PolyLR total_iters', 17, 35),
        mine('custom_hooks.0.momentum', 0.5, 'nothing'),
        mine('model.backbone.drop_path_rate', 0.1, 0.5),
        mine('optim_wrapper.accumulative_counts', 2, 'nothing'),
        mine('train_dataloader.batch_size', 4, 2),
        'an epoch has 3 iterations now: iteration 6 of the checkpoint is 3']
    assert load('w/epoch_3.pth')['meta']['iter'] == 9
    state = load('w/epoch_3.pth')['optimizer']['param_groups'][0]
    assert (state['initial_lr'], state['weight_decay']) == (0.01, 0.01)


@pytest.mark.parametrize('schedules', [
    "dict(type='CosineAnnealingLR', T_max=3)",
    "dict(type='PolyLR', end=3), dict(type='PolyLR', end=3)"])
def test_schedules_of_another_kind(start, schedules):
    assert start(fault='SIGKILL at 8').wait().code < 0
    more = f'param_scheduler = [{schedules}]'
    ended = start('--resume', more=more).wait()
    assert ended.code == 2
    assert 'the schedules in the checkpoint are not those of the config, ' \
        'which has ' in ended.output
    ended = start('--resume', '--resume-settings', 'config', more=more).wait()
    assert ended.code == _DONE


@pytest.mark.parametrize('counts, last', [
    (4, 'epoch_3.pth'), (5, 'epoch_3.pth'), (5, 'iter_18.pth')])
def test_accumulation_that_does_not_divide_the_epoch(start, counts, last):
    more = f'optim_wrapper.update(accumulative_counts={counts})\n'
    if last == 'iter_18.pth':  # saved within epochs, and at the end of one
        more += "default_hooks['checkpoint'].update(" \
            'by_epoch=False, interval=4)'
    assert start(work_dir='whole', more=more).wait().code == _DONE
    for at in (8, 15):
        assert start('--resume', fault=f'SIGKILL at {at}',
                     more=more).wait().code < 0
    saved = load(f"w/{files('w')[0]}")['pending_gradients']
    assert saved['of'] == counts and len(saved['grads']) == 32
    assert start('--resume', more=more).wait().code == _DONE
    logs = ''.join(x.read_text() for x in Path('w').glob('*/*.log'))
    assert logs.count('the gradients of 32 parameters are back') == {
        4: 1, 5: 2}[counts]
    assert_equal_end('whole', 'w', last)
    assert 'pending_gradients' not in load(f'whole/{last}')


def test_optimizer_of_another_kind(start):
    assert start(fault='SIGKILL at 8').wait().code < 0
    ended = start(
        '--resume', more="optim_wrapper['optimizer'] = dict("
        "_delete_=True, type='SGD', lr=0.1)").wait()
    assert ended.code == 2 and 'is of another optimizer than the config has: '\
        'it has ' in ended.output


def test_average_that_is_not_finite(start):
    ended = start(more="custom_hooks.append(dict(type='Spoil'))").wait()
    assert ended.code == 1
    assert 'Stopped: averaged weights are not finite (head.bias), so that ' \
        'epoch_1.pth is not written.' in ended.output
    assert files('w') == []


def test_copied_run(start):
    """It goes on with its own files, and leaves those of the first alone."""
    assert start(fault='SIGKILL at 14', more=EVALUATED).wait().code < 0
    shutil.copytree('w', 'copy')
    before = {x: x.read_bytes() for x in Path('w').glob('*')
              if x.is_file()}
    ended = start('--resume', work_dir='copy', more=EVALUATED).wait()
    assert ended.code == _DONE
    assert {x: x.read_bytes() for x in Path('w').glob('*')
            if x.is_file()} == before
    ended = start('--resume', more=EVALUATED).wait()
    assert ended.code == _DONE
    assert files('w') == files('copy')
    assert_equal_end('w', 'copy')
