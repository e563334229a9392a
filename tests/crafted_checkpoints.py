"""Checkpoints with one thing wrong, and what is said of each."""
import copy
from typing import Any, Callable, Dict, Iterator, Tuple

import torch

# A parameter that the backbones of all tests have.
NAME = 'backbone.stages.0.0.norm.weight'
_ONES = torch.ones(4)
_KIND = f'{NAME} is of torch.{{}}, where torch.float32 is expected'
_SPARSE = f'the weights {NAME} are no dense tensor (torch.sparse_{{}})'
_NUMBER = 'its meta.{} must be a whole number, found {}'
_RANGE = 'its meta.{} must lie between 0 and 9007199254740992, got {}'


def _quantised() -> torch.Tensor:
    return torch.quantize_per_tensor(_ONES, .1, 0, torch.qint8)


def _with_nan() -> torch.Tensor:
    value = _ONES.clone()
    value[1:3] = torch.nan
    return value


def _weight(value: Any) -> Callable[[dict], None]:
    return lambda content: content['state_dict'].update({NAME: value})


def _at(path: str, value: Any) -> Callable[[dict], None]:
    """Put a value at a path such as meta.epoch."""
    *parents, last = path.split('.')

    def change(content: dict) -> None:
        for name in parents:
            content = content[int(name) if name.isdigit() else name]
        content[last] = value

    return change


# Of weights, however they are loaded.
WEIGHTS: Dict[str, Tuple[Callable[[dict], Any], str]] = {
    **{f'{x}': (_weight(_ONES.to(getattr(torch, x))), _KIND.format(x))
       for x in ('int8', 'uint8', 'int16', 'int32', 'int64', 'bool')},
    **{f'{x}': (_weight(_ONES.to(getattr(torch, x))),
                f'the weights {NAME} are of torch.{x}, which no layer takes')
       for x in ('complex64', 'complex128')},
    'quantised': (_weight(_quantised()), f'the weights {NAME} are of torch.'
                  'qint8, which no layer takes'),
    'sparse': (_weight(_ONES.to_sparse()), _SPARSE.format('coo')),
    'sparse rows': (_weight(torch.ones(2, 2).to_sparse_csr()),
                    _SPARSE.format('csr')),
    'sparse columns': (_weight(torch.ones(2, 2).to_sparse_csc()),
                       _SPARSE.format('csc')),
    'meta': (_weight(_ONES.to('meta')), f'the weights {NAME} are without '
             'data (on the device meta)'),
    'NaN': (_weight(_with_nan()), f'the weights {NAME} are not a number (NaN) '
            'in 2 of 4 places'),
    'NaN in half': (_weight(_with_nan().half()), 'not a number (NaN) in 2 of'),
    'NaN in 8 bits': (_weight(_with_nan().to(torch.float8_e4m3fn)),
                      'not a number (NaN) in 2 of 4 places'),
    'another shape': (_weight(torch.ones(5)), '(5,)'),
    'no dimension': (_weight(torch.tensor(1.)), ',) is expected'),
    'more dimensions': (_weight(torch.ones(4, 1, 1)),
                        '(4, 1, 1) where (4,) is expected'),
    'empty': (_weight(torch.ones(0)), ''),
    'a number': (_weight(1.), NAME.removeprefix('backbone.')),
    'text': (_weight('ones'), NAME.removeprefix('backbone.')),
    'none': (_weight(None), NAME.removeprefix('backbone.')),
    'missing': (lambda c: c['state_dict'].pop(NAME), 'missing'),
    'name of bytes': (lambda c: c['state_dict'].update({b'x': _ONES}),
                      'the names of weights must be text, found bytes'),
    'name of a number': (lambda c: c['state_dict'].update({3: _ONES}),
                         'the names of weights must be text, found int'),
    'name of a tuple': (lambda c: c['state_dict'].update({(1, 'a'): _ONES}),
                        'the names of weights must be text, found tuple'),
    'state_dict a list': (_at('state_dict', [_ONES]), ''),
    'state_dict text': (_at('state_dict', 'weights'), ''),
    'state_dict of text': (_at('state_dict', dict(a='b')), ''),
}


def write_each(path: str) -> Iterator[Tuple[str, str]]:
    """Craft a checkpoint in each way of WEIGHTS; yield way and message."""
    content = torch.load(path)
    for kind, (change, message) in WEIGHTS.items():
        changed = copy.deepcopy(content)
        change(changed)
        torch.save(changed, path)
        yield kind, message


# Of what is needed to resume.
RECORD: Dict[str, Tuple[Callable[[dict], Any], str]] = {
    'meta a list': (_at('meta', [1]), 'its meta must be a dict, found list'),
    'meta text': (_at('meta', 'epoch'), 'its meta must be a dict, found str'),
    **{f'{name} {value}': (_at(f'meta.{name}', value),
                           _RANGE.format(name, str(value)[:40]))
       for name in ('epoch', 'iter') for value in (-1, 2**60, 10**300)},
    **{f'{name} {value!r}': (_at(f'meta.{name}', value),
                             _NUMBER.format(name, type(value).__name__))
       for name in ('epoch', 'iter') for value in ('3', 1.5, None, [1])},
    'hub a list': (_at('message_hub', [1]),
                   'its message_hub must be a dict, found list'),
    **{f'hub {x}': (_at(f'message_hub.{x}', 7),
                    f'its message_hub.{x} must be a dict, found int')
       for x in ('log_scalars', 'runtime_info', 'resumed_keys')},
    'hub name of a number': (
        _at('message_hub.runtime_info', {3: 4}), 'its names in message_hub.'
        'runtime_info must be text, found int'),
    'best score text': (
        _at('message_hub.runtime_info', dict(best_score='x')),
        'its message_hub.runtime_info.best_score must be a number, found str'),
    'batches a number': (_at('message_hub.runtime_info.batches_done', 3),
                         'its batches_done must be a dict, found int'),
    'batches text': (
        _at('message_hub.runtime_info.batches_done', dict(done='x', of=6)),
        'its batches_done.done must be a whole number, found str'),
    **{f'batches {x}': (
        _at('message_hub.runtime_info.batches_done', dict(done=x, of=6)),
        f'its batches_done are {x} of 6') for x in (-1, 7)},
    'optimizer a list': (_at('optimizer', [1]),
                         'its optimizer must be a dict, found list'),
    'optimizer of lists': (_at('optimizer', dict(a=[1])),
                           'its optimizer must be a dict, found list'),
    'state a list': (_at('optimizer.state', [1]),
                     'its optimizer.state must be a dict, found list'),
    'groups a dict': (_at('optimizer.param_groups', {}), 'its optimizer.param_'
                      'groups must be a list, found dict'),
    'schedulers text': (_at('param_schedulers', 'x'),
                        'its param_schedulers must be a list, found str'),
}
# Found while a Runner resumes.
RESUMED: Dict[str, Tuple[Callable[[dict], Any], str]] = {
    'groups of numbers': (_at('optimizer.param_groups', [1]), 'its optimizer.'
                          'param_groups.0 must be a dict, found int'),
    'seed': (_at('meta.seed', 'x'), 'its content cannot be used ('),
    'learning rate text': (_at('optimizer.param_groups.0.lr', 'x'), 'its '
                           'optimizer.param_groups.0.lr must be a number, '
                           'found str'),
    'learning rate NaN': (_at('optimizer.param_groups.0.lr', float('nan')),
                          'its optimizer.param_groups.0.lr is nan'),
    'betas none': (_at('optimizer.param_groups.0.betas', None), 'its optimizer'
                   '.param_groups.0.betas must be a list, found NoneType'),
    'one beta': (_at('optimizer.param_groups.0.betas', [.9]), 'its optimizer.'
                 'param_groups.0.betas must have 2 values, found 1'),
    'base settings a list': (
        _at('optimizer.base_param_settings', [1]),
        'its optimizer.base_param_settings must be a dict, found list'),
    'step text': (_at('param_schedulers.0.last_step', 'x'), 'its param_'
                  'schedulers.0.last_step must be a number, found str'),
    'step infinite': (_at('param_schedulers.0.last_step', float('inf')), 'its '
                      'param_schedulers.0.last_step is inf'),
}
