import torch
from mmengine.logging import MMLogger
from param_settings import build

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.engine.layer_table import Entry, format_table


def test_table():
    entries = [
        Entry(torch.empty(2, 3), 7, 0, 1., 1.),
        Entry(torch.empty(5), 7, 0, 1., 0.),
        # A custom key gives part of a layer another learning rate.
        Entry(torch.empty(1000, 2000), 6, 1, 0.5, 0.1),
        Entry(torch.empty(4, 1), 6, 1, 5., 1.),
        # Of a backbone with another depth.
        Entry(torch.empty(3), 4, 1, 0.5, 0.),
        Entry(torch.empty(2), 4, 1, 0.5, 0.),
    ]
    assert format_table(entries, 2e-4).splitlines() == [
        '                            |    with weight decay |'
        '              without',
        'layer   lr scale         lr | tensors   parameters |'
        ' tensors   parameters',
        '  4/6        0.5  1.000e-04 |       1    2,000,000 |'
        '       2            5',
        '    6          5  1.000e-03 |       1            4 |'
        '       0            0',
        '    7          1  2.000e-04 |       1            6 |'
        '       1            5',
    ]


def test_one_message_is_logged(monkeypatch):
    messages = []
    monkeypatch.setattr(MMLogger, 'info',
                        lambda self, message: messages.append(message))
    arch = dict(depths=(1, 1, 4, 1), channels=(4, 4, 4, 4))
    model = torch.nn.ModuleDict(dict(backbone=ConvNeXtV2(arch)))
    build(model, decay_rate=0.9, decay_type='group_wise')
    assert len(messages) == 1
    first, *table = messages[0].splitlines()
    assert first == (
        'Layer decay: rate 0.9, group_wise (an id per three blocks; OpenMMLab '
        'calls this layer_wise), backbone with depths (1, 1, 4, 1)')
    # Stem: convolution; its bias and a norm.
    assert table[2] == ('    0     0.4783  4.783e-04 |       1          192 |'
                        '       3           12')
    assert [line.split()[0] for line in table[2:]] == list('0123467')
