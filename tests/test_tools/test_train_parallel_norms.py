"""Processes without a GPU train a segmentor whose SyncBN has become BN."""
import json
import math
from pathlib import Path

import pytest
from forked import Forked
from parallel_runs import differing

# SyncBN by its name in one head, and by the runner's conversion in the other.
_CONFIG = '''
custom_imports = dict(imports=['mmconvnextv2', 'recorder'])
channels = [8, 8, 16, 16]
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, depths=[1, 1, 1, 1], channels=channels)),
    decode_head=dict(in_channels=channels),
    auxiliary_head=dict(in_channels=16, norm_cfg=dict(type='BN')))
sync_bn = 'torch'
train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
train_cfg = dict(max_iters=4, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=4, save_best=None))
custom_hooks = [dict(type='mmengine.Recorder')]
'''


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_upernet(parallel, load_tool):
    runs = parallel('upernet_convnextv2_a_shapes', _CONFIG)
    ranks = runs.many(4)
    # They draw other crops.
    assert len({x['seed'] for x in ranks}) == 4
    for record in ranks:
        assert record['is_wrapped']
        assert differing(record['start'], ranks[0]['start']) == []
        # Running statistics too.
        assert differing(record['end'], ranks[0]['end']) == []
        assert record['metrics'] == ranks[0]['metrics']
    statistics = [x for x in ranks[0]['end'] if 'running_' in x]
    assert {x.split('.')[0] for x in statistics} == {
        'decode_head', 'auxiliary_head'}
    assert set(statistics) < set(
        differing(ranks[0]['start'], ranks[0]['end']))
    # The checkpoint is what they have evaluated, on 7 images among 4.
    tested = Forked(
        load_tool('test').main,
        ['small.py', 'many_4/iter_4.pth', '--work-dir', 'one']).wait(600)
    assert tested.code == 0, tested.output
    (file, ) = Path('one').glob('*/*.json')
    alone = json.loads(file.read_text())
    (metrics, ) = ranks[0]['metrics']
    assert {'aAcc', 'mIoU', 'mAcc'} <= metrics.keys()
    for key in metrics:
        assert metrics[key] == alone[key] or math.isnan(alone[key])
