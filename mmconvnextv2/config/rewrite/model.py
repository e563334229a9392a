"""Put ConvNeXt V2 into a model's config."""
from collections.abc import Mapping
from typing import Any

from mmconvnextv2.config.walk import type_name, walk
from mmconvnextv2.errors import CommandError
from mmconvnextv2.models.backbones.arch import Arch, resolve_arch
from mmconvnextv2.text import first_of
from .channels import (
    Found,
    Settings,
    find_readers,
    heads,
    necks,
    refuse_what_needs_its_backbone,
    without_levels,
)
from .probe import Outputs, run_backbone, run_neck

STRIDES = [4, 8, 16, 32]
# Packages whose heads count on the strides of the maps.
_WITH_ANCHORS = ('mmdet', 'mmrotate', 'mmyolo', 'mmdet3d', 'mmpose')


class Exchange:
    """What replaces a backbone.

    Attributes:
        path (tuple): Keys from the model to the backbone.
        old, new (Outputs): What the two give.
        settings (dict): New values by their paths in the model, as tuples.
        unread (list[int]): Outputs that nothing reads, though they are there.
    """

    def __init__(self, model: Mapping, scope: str, arch: str,
                 start: Mapping) -> None:
        """Work it out.

        Args:
            model (Mapping): The config's model.
            scope (str): Package whose names it uses.
            arch (str): Size of ConvNeXt V2.
            start (Mapping): ``drop_path_rate`` and ``checkpoint``, which may
                be ''.

        Raises:
            CommandError: If the model has no place for it.
        """
        self.path = find_backbone(model)
        owner = at(model, self.path[:-1])
        refuse_what_needs_its_backbone(owner)
        given = owner['backbone']
        if not any(part for _, part in heads(owner)):
            raise CommandError('it has no head: the backbone is all there is')
        self.old = run_backbone(given, scope)
        self.settings: Settings = {}
        owner = self._without_useless_neck(owner, scope)
        stages = choose_stages(self.old, scope)
        self.arch = resolve_arch(arch)
        self.new = outputs_of(self.arch, stages, self.old)
        found = find_readers(owner, self.old, self.new, scope)
        self.unread = sorted(set(range(len(stages))) - found.levels)
        if self.unread and found.levels:
            found = self._without_unread(owner, found, scope)
            stages = [STRIDES.index(x) for x in self.new.strides]
        self._set_backbone(arch, stages, given, start)
        self.settings.update({
            self.path[:-1] + key: value
            for key, value in found.settings.items()
            if value != at(model, self.path[:-1] + key)})
        self._drop_leftovers(model)

    def _without_unread(self, owner: Mapping, found: Found,
                        scope: str) -> Found:
        """Leave outputs out that nothing reads.

        Their norms would have no gradient, which distributed training takes
        for a mistake.
        """
        levels = sorted(found.levels)
        fewer = without_levels(owner, levels, len(self.old.shapes))
        if fewer is None:
            return found
        try:  # Some count from a level that cannot be changed.
            for _, neck in list(necks(fewer[0]))[:1]:
                run_neck(neck, scope, self.old.only(levels))
        except CommandError:
            return found
        self.unread = []
        self.old, self.new = self.old.only(levels), self.new.only(levels)
        rest = find_readers(fewer[0], self.old, self.new, scope)
        return Found({**rest.settings, **fewer[1]}, rest.levels)

    def _without_useless_neck(self, owner: Mapping, scope: str) -> Mapping:
        """Drop a neck for what ConvNeXt V2 does itself."""
        whole = self.old
        given = list(necks(owner))
        if len(given) != 1:
            return owner
        neck, strides = given[0][1], self.old.strides
        is_mean = scope == 'mmpretrain' and len(strides) == 1 and type_name(
            neck) == 'GlobalAveragePooling'
        # Of a plain transformer, whose maps are all of one size.
        is_plain = self.old.are_maps and len(strides) > 1 and len(
            set(strides)) == 1
        if is_mean or is_plain:
            whole, _ = run_neck(neck, scope, self.old)
        if is_mean or (is_plain and whole.strides == STRIDES):
            self.old = whole
            self.settings[self.path[:-1] + ('neck', )] = None
            return {**owner, 'neck': None}
        return owner

    def _set_backbone(self, arch: str, stages: list[int], given: Mapping,
                      start: Mapping) -> None:
        channels = given.get('in_channels', 3)
        cfg: dict[str, Any] = dict(
            _delete_=True, type='mmconvnextv2.ConvNeXtV2', arch=arch)
        init = dict(type='Pretrained', checkpoint=start['checkpoint'])
        if stages[-1] < 3:  # A stage that nobody reads would not be trained.
            last = stages[-1] + 1
            cfg['arch'] = dict(
                depths=list(self.arch.depths[:last]),
                channels=list(self.arch.channels[:last]))
            init.update(allow_partial=True)
        if channels != 3:
            cfg.update(in_channels=channels)
            init.update(adapt_stem=True)
        if self.old.are_maps:
            cfg.update(out_indices=stages, gap_before_final_norm=False)
        cfg.update(drop_path_rate=start['drop_path_rate'])
        if given.get('frozen_stages', -1) >= 4:
            cfg.update(frozen_stages=stages[-1] + 1)
        if given.get('with_cp'):
            cfg.update(with_cp=True)
        if start['checkpoint']:
            cfg.update(init_cfg=init)
        self.settings[self.path] = cfg

    def _drop_leftovers(self, model: Mapping) -> None:
        """Drop the old weights, which would be loaded into all of it."""
        for length in range(len(self.path)):
            path = self.path[:length]
            part = at(model, path)
            for key in ('pretrained', 'init_cfg'):
                if part.get(key) and (key == 'pretrained' or type_name(
                        part[key]) == 'Pretrained'):
                    self.settings[path + (key, )] = None


def find_backbone(model: Mapping) -> tuple:
    """Find the part called ``backbone`` that lies least deep.

    Raises:
        CommandError: If there is none.
    """
    found = [path + ('backbone', ) for path, part in walk(model)
             if 'type' in (part.get('backbone') or ())]
    if not found:
        raise CommandError(f'{type_name(model)} has no part that is called '
                           f'backbone, only {", ".join(model)}')
    return min(found, key=len)


def at(tree: Any, path: tuple) -> Any:
    """Return what lies at a path of keys and indices."""
    for key in path:
        tree = tree[key]
    return tree


def choose_stages(old: Outputs, scope: str) -> list[int]:
    """Choose the stage that replaces each of a backbone's outputs.

    By stride where these are among 4, 8, 16 and 32. Heads of segmentors take
    maps of any size, so there the last stages may replace those of a dilated
    network, too.

    Raises:
        CommandError: If the outputs are not those of four stages or fewer.
    """
    strides, channels, count = old.strides, old.channels, len(old.shapes)
    if not old.are_maps:
        if len(old.shapes[0]) == 2 and count == 1:
            return [3]
        raise CommandError(
            f'its heads read outputs of the shapes {first_of(old.shapes)}; '
            'those of ConvNeXt V2 are maps, or one vector an image')
    if count > 4 or strides != sorted(strides) or channels != sorted(channels):
        raise CommandError(
            f'its backbone gives maps of strides {strides} and channels '
            f'{channels}, not those of stages that become coarser and wider: '
            'it is more than a backbone')
    fits = len(set(strides)) == count and set(strides) <= set(STRIDES)
    if scope not in _WITH_ANCHORS and (not fits or strides[-1] < 32):
        if strides[-1] < 8 and scope == 'mmseg':
            raise CommandError(
                f'its backbone gives maps of stride {strides[-1]} at last: it '
                'is the whole network, with the way back to fine maps')
        return list(range(4 - count, 4))
    if not fits or strides[-1] < 16:
        raise CommandError(
            f'its heads count on maps of strides {strides}; those of ConvNeXt '
            f'V2 are {STRIDES}, of which the first alone are too few layers')
    return [STRIDES.index(x) for x in strides]


def outputs_of(arch: Arch, stages: list[int], old: Outputs) -> Outputs:
    """Return the shapes of ConvNeXt V2's outputs for the same images."""
    number, _, height, width = old.image
    shapes = [(number, arch.channels[i], height // STRIDES[i],
               width // STRIDES[i]) for i in stages]
    return Outputs(shapes if old.are_maps else [x[:2] for x in shapes],
                   old.image)
