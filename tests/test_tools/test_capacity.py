import json

import pytest

_REFUSED = 2


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('capacity')


@pytest.mark.slow
def test_tables_are_those_of_the_docs(tool, tools, capsys):
    assert tool.main([
        '--sizes', 'atto', '--markdown', '--images-per-second', '250', '1000'
    ]) == 0
    rows = [x for x in capsys.readouterr().out.splitlines()
            if x.startswith('|')]
    rows = [x for x in rows if '---' not in x]
    assert len(rows) == 3 + 2 * 4 + 3
    docs = (tools.parent / 'docs' / 'scale.md').read_text().splitlines()
    assert [x for x in rows if x not in docs] == []
    assert '| atto | dense | 22.0 | 22.8 | 959 | 1660 | 3413 | 6086 |' in rows


def test_json(tool, capsys):
    assert tool.main([
        '--sizes', 'atto', '--modes', 'checkpointed', '--shapes', '64',
        '--memory', '3', '--no-ema', '--images-per-second', '500', '--json'
    ]) == 0
    out = capsys.readouterr().out
    found = json.loads(out[out.index('{'):])
    model, = found['models']
    # 3.7084M parameters of 4 bytes.
    assert model['parameters'] == 3708400
    assert model['states'] == dict(
        weights=14833600, gradients=14833600, AdamW=29667200, EMA=0,
        DDP=14833600)
    days, = found['pretraining_days'].values()
    assert days['1600'] == pytest.approx(1281167 * 1600 / 4000 / 86400)


def test_peak_is_that_of_other_batches(tool):
    model = tool.build('atto', 'dense')
    found = {n: tool.trace(model, 64, 'bf16', n)['peak']
             for n in (200, 512, 513)}
    slope = found[513] - found[512]
    assert found[200] == found[512] - 312 * slope


@pytest.mark.parametrize('arguments, message', [
    ('--shapes 100', '--shapes must be multiples of 32 pixels and at least '
     '64, got 100'),
    ('--gpus 0', '--gpus must be at least 1, got 0'),
    ('--images-per-second 100 0',
     '--images-per-second must be positive, got [100.0, 0.0]'),
    ('--memory 1 24', '--reserve must lie between 0 and the smallest '
     '--memory, got 2 and 1 GB'),
    ('--reserve -1', 'got -1 and 24 GB'),
    ('--reserve nan', 'got nan and 24 GB'),
])
def test_refusals(tool, capsys, arguments, message):
    assert tool.main(arguments.split()) == _REFUSED
    error = capsys.readouterr().err
    assert error.startswith('capacity.py: ') and message in error
