import pytest
import torch
from mmengine.utils import digit_version

from mmconvnextv2.ops.compile import (
    compiled,
    is_exporting,
    not_compiled,
    uncompiled,
)


def test_is_left_out_of_the_graph():

    @not_compiled
    def sign(x):
        return 1 if x.sum() > 0 else -1

    def function(x):
        return (x * 2) * sign(x)

    report = torch._dynamo.explain(function)(torch.ones(2))
    assert report.graph_break_count == 1
    compiled = torch.compile(function, backend='eager')
    assert compiled(-torch.ones(2)).tolist() == [2, 2]


STRICT = pytest.param(True, marks=pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.12'),
    reason='a strict export looks like torch.compile before PyTorch 2.12'))


@pytest.mark.parametrize('strict', [False, STRICT])
def test_compiled_is_not_exported(strict):

    class Model(torch.nn.Module):

        def forward(self, x):
            return x + is_exporting()

    model, x = Model(), torch.zeros(2)
    exported = torch.export.export(model, (x, ), strict=strict).module()
    assert exported(x).tolist() == [1, 1]
    assert torch.compile(model, backend='eager')(x).tolist() == [0, 0]
    assert model(x).tolist() == [0, 0]


def test_uncompiled():
    seen = []

    @torch.compile(backend='eager')
    def function(x):
        seen.append(torch.compiler.is_compiling())
        return x + 1

    with uncompiled():
        function(torch.zeros(2))
    function(torch.zeros(2))
    assert seen == [False, True]


def test_compiled_needs_a_recent_pytorch(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.6.0+cu124')
    with pytest.raises(
            ValueError,
            match='^compiled blocks need PyTorch 2.7 or newer, found '
            '2.6.0.cu124: older ones break their graphs$'):
        compiled(len, 'length')
