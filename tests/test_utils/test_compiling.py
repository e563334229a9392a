import torch

from mmconvnextv2.utils.compiling import (
    is_compiling,
    is_exporting,
    not_compiled,
    uncompiled,
)


def test_tells_when_it_is_compiled():
    seen = []

    def function(x):
        seen.append(is_compiling())
        return x + 1

    assert not is_compiling()
    function(torch.zeros(2))
    torch.compile(function, backend='eager')(torch.zeros(2))
    assert seen == [False, True]


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


def test_compiled_is_not_exported():
    seen = []

    class Model(torch.nn.Module):

        def forward(self, x):
            seen.append(is_exporting())
            return x + 1

    torch.compile(Model(), backend='eager')(torch.zeros(2))
    torch.export.export(Model(), (torch.zeros(2), ))
    assert seen[0] is False and seen[-1] is True


def test_uncompiled():
    seen = []

    @torch.compile(backend='eager')
    def function(x):
        seen.append(is_compiling())
        return x + 1

    with uncompiled():
        function(torch.zeros(2))
    function(torch.zeros(2))
    assert seen == [False, True]


def test_without_the_switches(monkeypatch):
    # torch 2.0 has no torch.compiler.
    monkeypatch.delattr(torch, 'compiler')
    assert not is_compiling() and not is_exporting()
    assert not_compiled(len) is len
    with uncompiled():
        pass
