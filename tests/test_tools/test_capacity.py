import json

import pytest

_REFUSED = 2


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('capacity')


@pytest.mark.parametrize('arguments', [[], ['--json'], ['--markdown']])
def test_output(tool, capsys, arguments):
    assert tool.main([
        '--sizes', 'atto', '--modes', 'checkpointed', '--shapes', '64',
        '--memory', '3', '--images-per-second', '1000', '500', *arguments
    ]) == 0
    out = capsys.readouterr().out
    if '--json' in arguments:
        found = json.loads(out[out.index('{'):])
        assert found['models'][0]['parameters'] == 3708400
        assert [x['images_per_second'] for x in found['pretraining_days']
                ] == [1000, 500]
        return
    bar = '|' if arguments else '│'
    rows = [[cell.strip() for cell in line.strip(f'{bar} ').split(bar)]
            for line in out.splitlines() if bar in line]
    assert ['1000', '1.5', '3.0'] in rows and ['500', '3.0', '5.9'] in rows
    # 3.7084M parameters of 4 bytes: weights, gradients, AdamW's 2, EMA, DDP.
    assert ['atto', 'classifier', '3.7M', '0.01', '0.01', '0.03', '0.01',
            '0.01', '0.09', '0.01'] in rows
    if not arguments:
        assert 'Arithmetic, not measured on a GPU' in out
        assert '2 GB are left' in out


@pytest.mark.parametrize('arguments, message', [
    ('--shapes 100', '--shapes: the side of an image must be a multiple of '
     '32 pixels and at least 64, got 100'),
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


def test_unknown_size(tool, capsys):
    with pytest.raises(SystemExit) as stop:
        tool.main(['--sizes', 'giant'])
    assert stop.value.code == _REFUSED
    assert "invalid choice: 'giant'" in capsys.readouterr().err
