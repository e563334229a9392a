"""GRN and the linear layer after it, with gradients, for groups of images."""
from typing import Tuple

import torch
from torch import Tensor

from .linear import linear


def responses(norms: Tensor, eps: float) -> Tuple[Tensor, Tensor]:
    """GRN's n (N, E), and what the norms (N, E) are divided by (N, 1)."""
    mean = norms.mean(-1, keepdim=True) + eps
    return norms / mean, mean


def gradients_of_scale(by_scale: Tensor, norms: Tensor, gamma: Tensor,
                       eps: float) -> Tuple[Tensor, Tensor]:
    """What follows from the gradient of scale = 1 + gamma * n.

    Args:
        by_scale (Tensor): (N, E).
        norms (Tensor): (N, E).
        gamma (Tensor): (E, ).
        eps (float): Of GRN.

    Returns:
        tuple[Tensor, Tensor]: Gradient (E, ) of gamma, and that of the norms
        over the norms (N, E): what a map is multiplied by for its own.
    """
    response, mean = responses(norms, eps)
    grad = by_scale * gamma
    grad = (grad - (grad * response).mean(-1, keepdim=True)) / mean
    # Where norms are constant: at zero by convention, and where capped.
    constant = (norms == 0) | (norms >= torch.finfo(norms.dtype).max**0.5)
    factor = (grad / norms).masked_fill_(constant, 0)
    return (by_scale * response).sum(0), factor


class GRNLinear:
    """y = (a * scale + beta) W^T + b, scale = 1 + gamma * n.

    All gradients are summed up over the groups of images that ``backward`` is
    called with; a buffer has the shape of ``a``.

    Args:
        gamma (Tensor): (E, ), of GRN.
        beta (Tensor): (E, ), of GRN.
        weight (Tensor): W, (C, E).
        eps (float): Of GRN.

    Attributes:
        grads (tuple[Tensor, Tensor, Tensor]): Of gamma, beta and W.
    """

    def __init__(self, gamma: Tensor, beta: Tensor, weight: Tensor,
                 eps: float) -> None:
        self.gamma = gamma
        self.beta = beta
        self.weight = weight
        self.eps = eps
        self._grad_gamma = torch.zeros_like(gamma)
        self._grad_beta = torch.zeros_like(beta)
        self._grad_weight = None

    @property
    def grads(self) -> Tuple[Tensor, Tensor, Tensor]:
        return self._grad_gamma, self._grad_beta, self._grad_weight

    def _scale(self, norms: Tensor) -> Tensor:
        return (self.gamma * responses(norms, self.eps)[0] + 1)[:, None]

    def forward(self, a: Tensor, norms: Tensor, bias: Tensor,
                out: Tensor) -> None:
        """Write y (n, S, C) to ``out``; may overwrite a (n, S, E)."""
        a.mul_(self._scale(norms)).add_(self.beta)
        linear(a, self.weight, bias, out=out)

    def backward(self, a: Tensor, norms: Tensor, grad: Tensor,
                 buffer: Tensor) -> Tensor:
        """Gradient (n, S, E) of a, from that of y (n, S, C).

        It may lie in ``buffer``, whose content is lost.
        """
        scale = self._scale(norms)
        rows = grad.flatten(0, 1)
        d = linear(grad, self.weight.t())
        self._grad_beta += d.sum((0, 1))
        by_scale = torch.mul(d, a, out=buffer).sum(1)
        torch.addcmul(self.beta, a, scale, out=buffer)
        self._add_to_weight(rows.t(), buffer.flatten(0, 1))
        factor = self._backward_of_norms(by_scale, norms)
        return d.mul_(scale).addcmul_(a, factor)

    def _add_to_weight(self, left: Tensor, right: Tensor) -> None:
        if self._grad_weight is None:
            self._grad_weight = left @ right
        else:
            self._grad_weight.addmm_(left, right)

    def _backward_of_norms(self, by_scale: Tensor, norms: Tensor) -> Tensor:
        """Gradient of the norms over the norms, from that of scale (n, E)."""
        grad_gamma, factor = gradients_of_scale(by_scale, norms, self.gamma,
                                                self.eps)
        self._grad_gamma += grad_gamma
        return factor[:, None]


class WideGRNLinear(GRNLinear):
    """The same for images of many sites: scales the weights of each image.

    W of an image has C * E entries, its map S * E. With the scale in the
    former, no pass over the latter is needed for it, and the gradients of
    scale and beta follow from products that are formed anyway.
    """

    def forward(self, a: Tensor, norms: Tensor, bias: Tensor,
                out: Tensor) -> None:
        bias = bias + self.weight @ self.beta
        # Not by bmm, which is slower than mm for the few images at a time.
        for image, scale, y in zip(a, self._scale(norms), out):
            linear(image, self.weight * scale, bias, out=y)

    def backward(self, a: Tensor, norms: Tensor, grad: Tensor,
                 buffer: Tensor) -> Tensor:
        total = grad.sum((0, 1))
        self._grad_beta += total @ self.weight
        self._add_to_weight(total[:, None], self.beta[None])
        for image, norm, rows, out in zip(a, norms.split(1), grad, buffer):
            scale = self._scale(norm)[0]
            products = rows.t() @ image
            self._grad_weight.addcmul_(products, scale)
            by_scale = products.mul_(self.weight).sum(0, keepdim=True)
            torch.addcmul(linear(rows, (self.weight * scale).t()), image,
                          self._backward_of_norms(by_scale, norm)[0], out=out)
        return buffer
