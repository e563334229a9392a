"""Configs of OpenMMLab packages, with ConvNeXt V2 as their backbone."""
import copy
import textwrap
from collections.abc import Mapping
from typing import NamedTuple

from mmengine.config import Config

from mmconvnextv2.config.walk import scope_of, type_name
from mmconvnextv2.errors import CommandError
from .channels import Settings
from .model import Exchange, at
from .probe import run_model
from .text import Name, assignments
from .training import (
    image_settings,
    images_per_step,
    optimizer_settings,
    recipe_of,
)

IMPORT = 'mmconvnextv2'
_MORE_IMPORTS = dict(mmyolo=['mmyolo.datasets'])  # for its collate function


class Rewritten(NamedTuple):
    """A config's new settings.

    Attributes:
        settings (dict): Values by their paths in the config, as tuples.
        notes (list[str]): What has changed, in sentences.
    """

    settings: Settings
    notes: list[str]

    def text(self, base: str, command: str) -> str:
        """Write the config that inherits from ``base``.

        Args:
            base (str): Value of its ``_base_``.
            command (str): What wrote it, for its first lines.
        """
        head = [*self.notes, f'Written by: {command}']
        lines = [line for x in head for line in textwrap.wrap(
            x, 79, initial_indent='# ', subsequent_indent='#   ',
            break_long_words=False, break_on_hyphens=False)]
        lines.append(_long(f'_base_ = {base!r}'))
        settings = copy.deepcopy(self.settings)
        imports = settings.pop(('custom_imports', ))
        lines += assignments({('custom_imports', ): imports}) + ['']
        for value in settings.values():
            if isinstance(value, dict) and 'checkpoint' in value.get(
                    'init_cfg', ()):
                weights = value['init_cfg']['checkpoint']
                value['init_cfg']['checkpoint'] = Name('checkpoint')
                lines.append(_long(f'checkpoint = {weights!r}'))
        return '\n'.join([*lines, *assignments(settings), ''])


def rewrite(cfg: Config, arch: str, weights: str | None = None,
            keep_optimizer: bool = False) -> Rewritten:
    """Work out what ConvNeXt V2 as a backbone changes in a config.

    Args:
        cfg (Config): A config of mmdet, mmseg, mmpretrain or a package that
            builds on them.
        arch (str): Size of ConvNeXt V2.
        weights (str, optional): Path or URL of weights; '' for none. Defaults
            to None, those of the recipe for the task and size.
        keep_optimizer (bool): Whether SGD stays. Defaults to False.

    Raises:
        CommandError: If the model has no place for it; says why.
    """
    model = cfg.get('model')
    if not isinstance(model, Mapping):
        raise CommandError('it has no model')
    scope = cfg.get('default_scope') or scope_of(model.get('type')) or ''
    name, recipe = recipe_of(scope, arch)
    backbone = recipe.model.backbone
    start = dict(
        drop_path_rate=backbone.get('drop_path_rate', 0.),
        checkpoint=(
            backbone.init_cfg.checkpoint if weights is None else weights))
    exchange = Exchange(model, scope, arch, start)
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    imports = [imports] if isinstance(imports, str) else list(imports)
    imports += [x for x in (IMPORT, *_MORE_IMPORTS.get(scope, ()))
                if x not in imports]
    settings = {
        ('custom_imports', ): dict(
            imports=imports, allow_failed_imports=False)
    }
    # Of a base that is named by its package it has an argument _scope_.
    settings.update({
        (key, 'collate_fn'): dict(_delete_=True, **loader['collate_fn'])
        for key, loader in cfg.items() if isinstance(loader, Mapping)
        and isinstance(loader.get('collate_fn'), Mapping)})
    settings.update(image_settings(cfg, recipe))
    settings.update({('model', *k): v for k, v in exchange.settings.items()})
    notes = [_replaced(model, exchange, arch), _levels(exchange)]
    optimizer = {} if keep_optimizer else optimizer_settings(cfg, recipe)
    settings.update(optimizer)
    if ('optim_wrapper', 'optimizer') in optimizer:
        notes.append(
            f'AdamW and layer decay instead of SGD, as in {name}, for '
            f'{images_per_step(cfg) or images_per_step(recipe)} images a '
            'step.')
    if exchange.unread and exchange.old.are_maps:
        settings['find_unused_parameters', ] = True
    if cfg.get('load_from'):
        settings['load_from', ] = None
    return Rewritten(settings, notes)


def check(cfg: Config, original: Config) -> None:
    """Build a rewritten model and run it on a blank image.

    Raises:
        CommandError: If that fails, and not for a reason that the original
            has, too, such as a package that is missing.
    """
    scope = original.get('default_scope') or scope_of(original.model.type)
    try:
        run_model(cfg, scope)
    except CommandError as error:
        try:
            run_model(original, scope)
        except CommandError as reason:
            print(f'Not tried: the original cannot be run, either: {reason}')
            return
        raise CommandError('its heads take other maps than those of ConvNeXt '
                           f'V2: {error}') from error


def _long(line: str) -> str:
    return line + '  # noqa: E501' * (len(line) > 79)


def _replaced(model: Mapping, exchange: Exchange, arch: str) -> str:
    old = at(model, exchange.path)
    size = old.get('depth', old.get('arch'))
    size = f' {size}' if isinstance(size, (int, str)) else ''
    where = '.'.join(map(str, ('model', *exchange.path)))
    return (f'ConvNeXt V2 {arch} as {where} instead of {type_name(old)}'
            f'{size}.')


def _levels(exchange: Exchange) -> str:
    old, new = exchange.old, exchange.new
    words = [', '.join(map(str, x)) for x in (
        new.strides, new.channels, old.strides, old.channels)]
    if not old.are_maps:
        return f'{words[1]} channels; before: {words[3]}.'
    before = words[3]
    if old.strides != new.strides:
        before = f'strides {words[2]}, channels {before}'
    return f'Strides {words[0]}, channels {words[1]}; before: {before}.'
