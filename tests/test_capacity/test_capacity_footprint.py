import pytest
import torch
from test_capacity_step import small

from mmconvnextv2.capacity.footprint import (
    Footprint,
    Line,
    States,
    _lines,
    measure,
    states,
)
from mmconvnextv2.capacity.live_bytes import LiveBytes
from mmconvnextv2.capacity.step import Trace, build, trace_step


def made_up(moments, weights=10):
    held = States(weights, weights, 2 * weights, 0, 0)
    return Footprint('atto', 'dense', 224, 'float32', weights // 4, 0, held,
                     Line(0, 5), moments)


def test_states_of_a_thousand_parameters():
    assert states(1000, ema=True, gpus=8) == (4000, 4000, 8000, 4000, 4000)
    alone = states(1000, ema=False, gpus=1)
    assert alone == (4000, 4000, 8000, 0, 0) and alone.total == 16000


def test_adamw_holds_two_copies_and_takes_one_more():
    model = build(small('dense'))
    parameters = list(model.parameters())
    numel = sum(p.numel() for p in parameters)
    for p in parameters:
        p.grad = torch.empty_like(p)
    optimizer = torch.optim.AdamW(parameters, foreach=True)  # as on a GPU
    known = [*parameters, *(p.grad for p in parameters)]
    with LiveBytes('meta', known) as live:
        optimizer.step()
        held = states(numel, False, 1)
        assert live.now == held.optimizer
        live.moments.clear()
        optimizer.step()
    assert max(live.moments) - held.optimizer == held.weights


def test_lines_from_two_batches():
    kept, moments = _lines(
        Trace(106, [106, 20, 30]), Trace(109, [109, 30, 30]))
    # 100 + 3 N is the highest to 14 images, 10 N above; 30 never is.
    assert kept == (100, 3)
    assert moments == [(0, 10), (100, 3)]


def test_steps_that_differ_are_no_lines():
    with pytest.raises(RuntimeError, match='allocate differently: 1 and 2'):
        _lines(Trace(1, [1]), Trace(1, [1, 2]))


def test_largest_batch_is_the_last_that_fits():
    found = made_up([Line(0, 10), Line(100, 3)])
    assert found.peak_per_image == 10
    assert found.needed(1) == 40 + 103
    assert found.needed(20) == 40 + 200
    for num_bytes in (143, 146, 150, 240, 1234):
        batch = found.largest_batch(num_bytes)
        assert found.needed(batch) <= num_bytes < found.needed(batch + 1)
    assert found.largest_batch(143) == 1
    assert found.largest_batch(142) == 0
    assert found.largest_batch(10) == 0


def test_the_optimizer_has_to_fit_too():
    found = made_up([Line(0, 1)], weights=100)
    assert found.needed(1) == 400 + 100
    assert found.largest_batch(499) == 0
    assert found.largest_batch(500) == 100


@pytest.mark.parametrize('mode, precision', [('dense', 'bf16'),
                                             ('checkpointed', 'bf16'),
                                             ('fcmae', 'float32')])
def test_other_batches_are_as_foretold(mode, precision):
    model = build(small(mode))
    found = measure(model, 'atto', mode, 64, precision)
    for batch in (4, 9):
        trace = trace_step(model, batch, 64, precision)
        assert found.kept.at(batch) == trace.kept
        assert max(x.at(batch) for x in found.moments) == max(trace.moments)


def test_what_a_footprint_says():
    model = build(small('fcmae'))
    found = measure(model, 'atto', 'fcmae', 64, 'bf16', ema=True, gpus=2)
    norms_and_token = ('norm', 'grn', 'mask_token', 'downsample_layers.0.1.',
                       'downsample_layers.1.0.')
    copied = sum(p.numel() for name, p in model.named_parameters()
                 if not any(x in name for x in norms_and_token))
    assert found.half_copies == 2 * copied
    assert (found.states.ema, found.states.buckets) == (
        0, 4 * found.parameters)
    single = measure(model, 'atto', 'fcmae', 64, 'float32')
    assert (single.half_copies, single.states.buckets) == (0, 0)


@pytest.mark.parametrize('side, precision, message', [
    (100, 'bf16', 'a multiple of 32 pixels and at least 64, got 100'),
    (32, 'bf16', 'at least 64, got 32'),
    (64, 'int8', r"one of \['float32', 'bf16', 'fp16'\], got 'int8'"),
])
def test_refusals(side, precision, message):
    with pytest.raises(ValueError, match=message):
        measure(torch.nn.Module(), 'atto', 'dense', side, precision)
