# ConvNeXt (V1) small, from scratch on ImageNet-1K at 224 px, 300 epochs, 8
# GPUs x 32 images x 16 iterations per step (ConvNeXt, Appendix A.1):
#   bash tools/dist_train.sh configs/convnextv1_s_supervised_in1k.py 8
# Expected top-1: 83.1 (ConvNeXt, Table 1). Not yet reproduced by us. No
# weights to start from, no layer decay.
_base_ = './convnextv1_b_supervised_in1k.py'

model = dict(
    backbone=dict(arch='small', drop_path_rate=0.4),
    head=dict(in_channels=768))
