"""FCMAE, site by site: slow, obvious, and independent of the package.

A map is a dict from (row, column) to the vector of a site; what is not in it
does not exist. That is submanifold sparse convolution, to the letter: an
output site for every input site, computed from the neighbours that are there.
Parameters come in a dict with the package's names.
"""
import math
from typing import Dict, Sequence, Tuple

import torch
from torch import Tensor

Sites = Dict[Tuple[int, int], Tensor]
Params = Dict[str, Tensor]


def under(params: Params, prefix: str) -> Params:
    """The parameters whose name starts with ``prefix``, without it."""
    start = len(prefix)
    return {k[start:]: v for k, v in params.items() if k.startswith(prefix)}


def layer_norm(x: Tensor, params: Params) -> Tensor:
    centred = x - x.mean()
    std = (centred.square().mean() + 1e-6).sqrt()
    return centred / std * params['weight'] + params['bias']


def linear(x: Tensor, params: Params) -> Tensor:
    return params['weight'] @ x + params['bias']


def depthwise(sites: Sites, params: Params) -> Sites:
    out = {}
    for (row, column) in sites:
        total = params['bias']
        for i in range(7):
            for j in range(7):
                neighbour = sites.get((row + i - 3, column + j - 3))
                if neighbour is not None:
                    total = total + params['weight'][:, 0, i, j] * neighbour
        out[row, column] = total
    return out


def grn(sites: Sites, params: Params) -> Sites:
    norm = sum(x.square() for x in sites.values()).sqrt()
    response = norm / (norm.mean() + 1e-6)
    return {
        site: params['gamma'] * (x * response) + params['beta'] + x
        for site, x in sites.items()
    }


def block(sites: Sites, params: Params) -> Sites:
    inner = {
        site: linear(
            layer_norm(x, under(params, 'norm.')),
            under(params, 'pointwise_conv1.'))
        for site, x in depthwise(sites, under(params,
                                              'depthwise_conv.')).items()
    }
    inner = {
        site: x * (1 + torch.erf(x / math.sqrt(2))) / 2
        for site, x in inner.items()
    }
    if 'grn.gamma' in params:
        inner = grn(inner, under(params, 'grn.'))
    scale = params.get('gamma', 1.)
    return {
        site: sites[site] + scale * linear(x, under(params,
                                                    'pointwise_conv2.'))
        for site, x in inner.items()
    }


def stem(image: Tensor, is_masked: Tensor, side: int, params: Params) -> Sites:
    """Embed what is visible of an image; ``side`` is the sites of a patch."""
    size = params['0.weight'].shape[-1]
    sites = {}
    for row in range(image.shape[1] // size):
        for column in range(image.shape[2] // size):
            if is_masked[row // side, column // side]:
                continue
            pixels = image[:, row * size:(row + 1) * size,
                           column * size:(column + 1) * size]
            x = torch.einsum('ocij,cij->o', params['0.weight'], pixels)
            sites[row, column] = layer_norm(x + params['0.bias'],
                                            under(params, '1.'))
    return sites


def downsample(sites: Sites, params: Params) -> Sites:
    out = {}
    for row, column in {(r // 2, c // 2) for r, c in sites}:
        out[row, column] = params['1.bias'] + sum(
            params['1.weight'][:, :, i, j]
            @ layer_norm(sites[2 * row + i, 2 * column + j],
                         under(params, '0.')) for i in range(2)
            for j in range(2))
    return out


def encode(image: Tensor, is_masked: Tensor, depths: Sequence[int],
           params: Params) -> Sites:
    """The last stage's features of an image (C, H, W), visible sites only."""
    sites = {}
    for i, depth in enumerate(depths):
        entry = under(params, f'downsample_layers.{i}.')
        sites = downsample(sites, entry) if i else stem(
            image, is_masked, 2**(len(depths) - 1), entry)
        for j in range(depth):
            sites = block(sites, under(params, f'stages.{i}.{j}.'))
    return sites


def decode(features: Sites, is_masked: Tensor, depth: int,
           params: Params) -> Sites:
    """The prediction for every patch."""
    height, width = is_masked.shape
    sites = {(row, column):
             params['mask_token'] if is_masked[row, column] else linear(
                 features[row, column], under(params, 'proj.'))
             for row in range(height) for column in range(width)}
    for i in range(depth):
        sites = block(sites, under(params, f'decoder.{i}.'))
    return {s: linear(x, under(params, 'pred.')) for s, x in sites.items()}


def patch_error(pred: Tensor, image: Tensor, row: int, column: int,
                size: int) -> Tensor:
    """Mean squared error of one patch against its normalised pixels."""
    pixels = image[:, row * size:(row + 1) * size,
                   column * size:(column + 1) * size]
    target = pixels.permute(1, 2, 0).flatten()
    mean = target.mean()
    variance = (target - mean).square().sum() / (len(target) - 1)
    target = (target - mean) / (variance + 1e-6).sqrt()
    return (pred - target).square().mean()


def fcmae_loss(images: Tensor, is_masked: Tensor, depths: Sequence[int],
               decoder_depth: int, params: Params) -> Tensor:
    """The loss of a batch (N, C, H, W) under the mask (N, h, w)."""
    size = images.shape[2] // is_masked.shape[1]
    errors = []
    for image, hidden in zip(images, is_masked):
        features = encode(image, hidden, depths, under(params, 'backbone.'))
        pred = decode(features, hidden, decoder_depth, under(params, 'neck.'))
        errors += [
            patch_error(x, image, *site, size) for site, x in pred.items()
            if hidden[site]
        ]
    return sum(errors) / len(errors)
