# FCMAE on ConvNeXt V2 (ConvNeXt V2, Section 3): a decoder of one block, 512
# channels wide; 60 % of the 32x32 patches masked.
model = dict(
    type='mmconvnextv2.FCMAE',
    mask_ratio=0.6,
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    # Without an output norm, as in the official encoder.
    backbone=dict(
        type='mmconvnextv2.ConvNeXtV2', arch='base', final_norm=False),
    neck=dict(
        type='mmconvnextv2.FCMAEDecoder',
        in_channels=1024,
        decoder_channels=512,
        depth=1),
    head=dict(type='mmconvnextv2.FCMAEHead'))
