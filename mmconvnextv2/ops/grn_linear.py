"""GRN and the linear layer after it, with gradients, for groups of images."""
from typing import Tuple

import torch
from torch import Tensor

from .linear import add_product, linear


def responses(norms: Tensor, eps: float) -> Tuple[Tensor, Tensor]:
    """Compute GRN's n from norms (N, 1, ..., E), and their divisor."""
    # Not over one axis alone, which pnnx leaves out when it reads ONNX.
    mean = norms.mean(tuple(range(1, norms.ndim)), keepdim=True) + eps
    return norms / mean, mean


def largest_norm(dtype: torch.dtype) -> float:
    """Find where squares overflow: the cap that keeps n and gradients finite.
    """
    return torch.finfo(dtype).max**0.5


def relative_response(x: Tensor, eps: float) -> Tensor:
    """Compute GRN's n (N, 1, ..., C) of x (N, ..., C), in float32 at least."""
    # Not promote_types(), which exports would hold.
    dtype = torch.float32 if x.dtype.itemsize < 4 else None
    norm = torch.linalg.vector_norm(
        x, dim=tuple(range(1, x.ndim - 1)), keepdim=True, dtype=dtype)
    return responses(norm.clamp(max=largest_norm(norm.dtype)), eps)[0]


class GRNLinear:
    """Computes y = (a * scale + beta) W^T + b, scale = 1 + gamma * n.

    gamma and beta (E, ), maps (n, S, E) and norms have one type, float32 at
    least, and so has W (C, E) in WideGRNLinear. Maps (n, S, C) may be in half
    precision: then products are, too. ``grad_gamma``, ``grad_beta`` and, if it
    is ``trained``, ``grad_weight`` are sums over all calls of ``backward``.
    """

    def __init__(self, gamma: Tensor, beta: Tensor, weight: Tensor,
                 eps: float, trained: bool) -> None:
        self.gamma = gamma
        self.beta = beta
        self.weight = weight
        self.eps = eps
        self.trained = trained
        self.grad_gamma = torch.zeros_like(gamma)
        self.grad_beta = torch.zeros_like(beta)
        self.grad_weight = None

    def _scale(self, norms: Tensor) -> Tensor:
        return (self.gamma * responses(norms, self.eps)[0] + 1)[:, None]

    def forward(self, a: Tensor, norms: Tensor, bias: Tensor,
                out: Tensor) -> None:
        """Write y (n, S, C) to ``out``; may overwrite a (n, S, E)."""
        a = a.to(norms.dtype)
        a.mul_(self._scale(norms)).add_(self.beta)
        dtype = out.dtype
        linear(a.to(dtype), self.weight.to(dtype), bias.to(dtype), out=out)

    def backward(self, a: Tensor, norms: Tensor, grad: Tensor,
                 buffer: Tensor) -> Tensor:
        """Compute the gradient of a, perhaps in ``buffer``, from that of y."""
        scale = self._scale(norms)
        d = linear(grad, self.weight.to(grad.dtype).t()).to(a.dtype)
        self.grad_beta += d.sum((0, 1))
        by_scale = torch.mul(d, a, out=buffer).sum(1)
        if self.trained:
            # GRN's output anew, which W's gradient takes.
            torch.addcmul(self.beta, a, scale, out=buffer)
            self.grad_weight = add_product(
                self.grad_weight, grad.flatten(0, 1).t(),
                buffer.flatten(0, 1).to(grad.dtype))
        factor = self._backward_of_norms(by_scale, norms)
        return d.mul_(scale).addcmul_(a, factor)

    def _backward_of_norms(self, by_scale: Tensor, norms: Tensor) -> Tensor:
        """Pass the gradient (n, E) of scale on to gamma and the norms.

        Returns the gradient of the norms divided by them (n, 1, E).
        """
        response, mean = responses(norms, self.eps)
        self.grad_gamma += (by_scale * response).sum(0)
        # n = g / m, m = mean(g) + eps: dn_j / dg_i is ((i == j) - n_j / E) / m
        grad = by_scale * self.gamma
        grad = (grad - (grad * response).mean(-1, keepdim=True)) / mean
        # Norms are constant at zero, by convention, and where they are capped.
        constant = (norms == 0) | (norms >= largest_norm(norms.dtype))
        return (grad / norms).masked_fill_(constant, 0)[:, None]


class WideGRNLinear(GRNLinear):
    """Computes the same for images of many sites, by scaling W for each.

    An image has C * E weights and a map of S * E entries. With the scale in
    the weights, the map needs no pass for it, and the gradients of scale and
    beta follow from products that are formed anyway, if W is trained.
    """

    def forward(self, a: Tensor, norms: Tensor, bias: Tensor,
                out: Tensor) -> None:
        # beta passes W once, not at every site.
        bias = bias + self.weight @ self.beta
        # Not by bmm, which is slower than mm for the few images at a time.
        a, bias = a.to(out.dtype), bias.to(out.dtype)
        for image, scale, y in zip(a, self._scale(norms), out):
            linear(image, (self.weight * scale).to(y.dtype), bias, out=y)

    def backward(self, a: Tensor, norms: Tensor, grad: Tensor,
                 buffer: Tensor) -> Tensor:
        # beta is the same at all sites: so are its parts of the gradients.
        total = grad.sum((0, 1)).to(a.dtype)
        self.grad_beta += total @ self.weight
        self.grad_weight = add_product(
            self.grad_weight, total[:, None], self.beta[None])
        for image, norm, rows, out in zip(a, norms.split(1), grad, buffer):
            scale = self._scale(norm)[0]
            products = (rows.t() @ image.to(rows.dtype)).to(a.dtype)
            self.grad_weight.addcmul_(products, scale)
            by_scale = products.mul_(self.weight).sum(0, keepdim=True)
            weight = (self.weight * scale).to(rows.dtype)
            torch.addcmul(
                linear(rows, weight.t()).to(a.dtype), image,
                self._backward_of_norms(by_scale, norm)[0], out=out)
        return buffer
