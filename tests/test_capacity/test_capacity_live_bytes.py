import torch

from mmconvnextv2.capacity.live_bytes import LiveBytes

KB = torch.Size([256])  # numbers of float32


def test_each_storage_counts_while_it_is_there():
    with LiveBytes('cpu') as live:
        a = torch.zeros(KB)
        view = a[1:].view(5, 51)
        assert live.now == 1024
        b = a + 1
        assert live.now == 2048
        del a
        assert live.now == 2048  # the view holds it
        del view
        assert live.now == 1024
        del b
    assert live.now == 0
    assert live.moments == [1024, 2048]


def test_temporaries_are_in_the_moments():
    with LiveBytes('cpu') as live:
        a = torch.zeros(KB)
        a = ((a + 1) * 2).sum()
    assert live.moments == [1024, 2048, 3072, 2052]
    assert live.now == a.nbytes == 4


def test_what_is_known_or_elsewhere_does_not_count():
    weight = torch.ones(KB)
    with LiveBytes('cpu', [weight]) as live:
        assert weight.t() is not None
        torch.zeros(KB, device='meta').add(1)
    assert live.moments == []


def test_what_autograd_saves_lives_to_the_backward_pass():
    weight = torch.ones(KB, requires_grad=True)
    weight.grad = torch.zeros(KB)
    with LiveBytes('meta', [weight]) as live:
        x = torch.ones(KB, device='meta', requires_grad=True)
        y = x.exp().sum()
        assert live.now == 1024 + 1024 + 4
        y.backward()
        assert live.now == 1024 + 4 + 1024  # x, y, the gradient of x
