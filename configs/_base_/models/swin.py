# mmpretrain's Swin in ConvNeXt's place, for detectors and segmentors. Position
# biases are not decayed.
swin = dict(
    type='mmpretrain.SwinTransformer',
    pad_small_map=True,
    out_indices=[0, 1, 2, 3],
    init_cfg=dict(type='Pretrained', prefix='backbone.'))
undecayed = {'relative_position_bias_table': dict(decay_mult=0.)}
