# ConvNeXt (V1) large, fine-tuned on ImageNet-1K at 384 px after 224 px, 30
# epochs, 8 GPUs x 16 images x 4 iterations per step (ConvNeXt, Appendix A.1):
#   bash tools/dist_train.sh configs/convnextv1_l_supervised_in1k_384.py 8
# Expected top-1: 85.5 (ConvNeXt, Table 1). Not yet reproduced by us. Values
# are the V1 code's, without EMA. From its weights, supervised on IN-1K at 224
# px, the EMA's as there. Decay: group-wise; the V1 code calls it layer_decay.
_base_ = './convnextv1_b_supervised_in1k_384.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-large_3rdparty_64xb64_in1k_20220124-f8a0ded0.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.95,
        init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=1536))
