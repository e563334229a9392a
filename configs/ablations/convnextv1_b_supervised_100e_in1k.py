# ConvNeXt (V1) base, from scratch on ImageNet-1K at 224 px, 100 epochs, 8 GPUs
# x 32 images x 4 iterations per step:
#   bash tools/dist_train.sh convnextv1_b_supervised_100e_in1k 8
# Expected top-1: 82.7 (ConvNeXt V2, Section 3.1, "Sup, 100ep", the same recipe
# as for fine-tuning). Not yet reproduced by us. Inferred: no layer decay,
# which would hold random layers back. With it:
#   --cfg-options optim_wrapper.paramwise_cfg.decay_rate=0.6
_base_ = [
    '../_base_/models/classifier_convnextv2_supervised.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/imagenet_ft_100e.py',
    '../_base_/classification_runtime.py'
]

model = dict(
    backbone=dict(
        drop_path_rate=0.1, use_grn=False, layer_scale_init_value=1e-6))
optim_wrapper = dict(paramwise_cfg=dict(decay_rate=1.0))
