# UperNet on ConvNeXt V2 with OpenMMLab's settings for ConvNeXt: the usual
# head of 512 channels, and an auxiliary head on the third stage. One scale is
# tested by sliding a window of the training size, several (tools/test.py
# --tta) on whole images, both as in the authors' V1 code.
num_classes = 150
# MMEngine turns SyncBN into BN where there is one process only.
norm_cfg = dict(type='SyncBN', requires_grad=True)
window = (512, 512)  # height, width, as the crops in training
head = dict(
    num_classes=num_classes,
    norm_cfg=norm_cfg,
    dropout_ratio=0.1,
    align_corners=False)

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=window),
    backbone=dict(
        type='mmconvnextv2.ConvNeXtV2',
        arch='base',
        out_indices=[0, 1, 2, 3],
        gap_before_final_norm=False),
    decode_head=dict(
        type='UPerHead',
        in_channels=[128, 256, 512, 1024],
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=512,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
        **head),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=512,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4),
        **head),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=window, stride=(341, 341)))
