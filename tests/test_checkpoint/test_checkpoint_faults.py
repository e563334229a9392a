"""What a run says of downloads; the rest is in test_tools."""
from urllib.error import URLError

import pytest

from mmconvnextv2.checkpoint.faults import explained_checkpoints
from mmconvnextv2.cli import CommandError

_URL = 'https://x.org/w.pth'


def _fail_to_download(cfg):
    with explained_checkpoints(cfg):
        raise URLError('Name or service not known')


def test_failed_download_is_told_with_a_way_out():
    init_cfg = dict(type='Pretrained', checkpoint=_URL)
    with pytest.raises(CommandError) as caught:
        _fail_to_download(dict(model=dict(backbone=dict(init_cfg=init_cfg))))
    assert str(caught.value) == (
        'the weights could not be downloaded (Name or service not known):\n'
        f'  {_URL}\nGet the file on another machine and name it: '
        '--cfg-options model.backbone.init_cfg.checkpoint=FILE')


def test_other_failed_connections_are_not_blamed_on_weights():
    with pytest.raises(URLError):
        _fail_to_download(dict(load_from='local.pth'))


def test_only_the_url_that_failed_is_named():
    cfg = dict(
        load_from='https://x.org/l.pth',
        model=dict(init_cfg=dict(type='Pretrained', checkpoint=_URL)))
    with pytest.raises(CommandError) as caught, explained_checkpoints(cfg):
        raise URLError('why', 'https://x.org/l.pth')
    assert str(caught.value) == (
        'the weights could not be downloaded (why):\n  https://x.org/l.pth\n'
        'Get the file on another machine and name it instead')


def test_other_value_errors_are_left_alone():
    with pytest.raises(ValueError, match='^other$'), explained_checkpoints({}):
        raise ValueError('other')
