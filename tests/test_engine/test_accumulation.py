"""Gradients summed up over batches are those of one large batch."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from small_models import (
    CLASSIFIER,
    FCMAE,
    build_model,
    load_config,
    make_batch,
)


def _train(name, images, masks, size, count, clip):
    """Gradients of each step, in order, and the weights in the end."""
    cfg = load_config(name)
    # Dropped paths would be others in batches of another size.
    cfg.merge_from_dict({
        'model.backbone.drop_path_rate': 0.,
        'optim_wrapper.accumulative_counts': count,
        'optim_wrapper.clip_grad': clip and dict(max_norm=clip),
    })
    model = build_model(cfg)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    wrapper.initialize_count_status(model, 0, len(images['inputs']) // size)
    steps = []
    wrapper.optimizer.register_step_pre_hook(lambda *_: steps.append(
        [x.grad.clone() for x in model.parameters()]))
    for start in range(0, len(images['inputs']), size):
        part = slice(start, start + size)
        batch = {key: value[part] for key, value in images.items()}
        if masks is not None:
            batch['is_masked'] = masks[part]
        with wrapper.optim_context(model):
            loss = model.loss(**batch)['loss']
        wrapper.update_params(loss)
    return steps, [x.detach() for x in model.parameters()]


@pytest.mark.parametrize('clip', [None, 1e-3])
@pytest.mark.parametrize('name', [FCMAE, CLASSIFIER])
def test_accumulation_is_a_larger_batch(name, clip):
    images = make_batch(12)
    masks = None
    if name == FCMAE:
        # Half of the four patches of each image, in other places.
        masks = torch.rand(12, 4).argsort(1).view(12, 2, 2) < 2
    steps, weights = _train(name, images, masks, 2, 3, clip)
    steps_at_once, weights_at_once = _train(name, images, masks, 6, 1, clip)
    assert len(steps) == len(steps_at_once) == 2
    assert all(max(x.abs().max() for x in grads) > 1e-5 for grads in steps)
    torch.testing.assert_close(steps, steps_at_once, rtol=0, atol=1e-10)
    torch.testing.assert_close(weights, weights_at_once, rtol=0, atol=1e-10)


def test_what_is_left_in_the_end_is_a_step_too():
    images = make_batch(10)
    # Batches of 2: a step for two of them, and for the last.
    steps, _ = _train(CLASSIFIER, images, None, 2, 2, None)
    assert len(steps) == 3
    first = {key: value[:8] for key, value in images.items()}
    steps_at_once, _ = _train(CLASSIFIER, first, None, 4, 1, None)
    torch.testing.assert_close(steps[:2], steps_at_once, rtol=0, atol=1e-10)
    # Not divided by the two that there would have been.
    norms = [torch.stack([x.norm() for x in grads]).norm() for grads in steps]
    assert 0.3 < norms[2] / norms[1] < 3
