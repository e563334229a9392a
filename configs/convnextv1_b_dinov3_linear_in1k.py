# Linear head on a frozen ConvNeXt V1-B of DINOv3, ImageNet-1K at 224 px, 10
# epochs, 8 GPUs x 128 images:
#   bash tools/dist_train.sh configs/convnextv1_b_dinov3_linear_in1k.py 8
# No top-1 is published (DINOv3's model card gives IN-ReaL, 88.5 at 256 px).
# Not yet reproduced by us. Values are those of its eval/linear.py, which
# sweeps the learning rate and joins pooled and averaged features; here the
# pooled ones, as a classifier has them, and a rate amid the sweep. The weights
# are Meta's, under the DINOv3 License: accept it at
# github.com/facebookresearch/dinov3, and put the file where the line below
# says. They want ImageNet's mean and deviation, which the recipe has.
_base_ = [
    './_base_/models/classifier_convnextv2_linear.py',
    './_base_/datasets/imagenet_224_linear.py',
    './_base_/schedules/imagenet_linear_10e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'work_dirs/dinov3/dinov3_convnext_base_pretrain_lvd1689m-801f2ba9.pth'  # noqa: E501
model = dict(
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)))
