# ConvNeXt (V1) base, fine-tuned on ImageNet-1K at 384 px after 224 px, 30
# epochs, 8 GPUs x 16 images x 4 iterations per step (ConvNeXt, Appendix A.1):
#   bash tools/dist_train.sh configs/convnextv1_b_supervised_in1k_384.py 8
# Expected top-1: 85.1 (ConvNeXt, Table 1). Not yet reproduced by us. Values
# are the V1 code's, without EMA. From its weights, supervised on IN-1K at 224
# px, without EMA. Decay: group-wise; the V1 code calls it layer_decay.
_base_ = './convnextv2_b_ft_in22k_in1k_384.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_32xb128-noema_in1k_20220222-dba4f95f.pth'  # noqa: E501
model = dict(
    backbone=dict(
        drop_path_rate=0.8,
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)))
optim_wrapper = dict(paramwise_cfg=dict(decay_rate=0.7))
custom_hooks = []  # no EMA
