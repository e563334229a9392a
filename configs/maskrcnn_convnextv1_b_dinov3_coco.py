# Mask R-CNN, ConvNeXt V1-B from DINOv3, COCO, 36 epochs, 8 GPUs x 4 images:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv1_b_dinov3_coco.py 8
# No published result: the recipe of maskrcnn_convnextv1_b_coco.py, decay
# group-wise, which is not tuned for these weights. They are Meta's, under the
# DINOv3 License: accept it at github.com/facebookresearch/dinov3, and put the
# file where the next line says (timm's and transformers' do as well). They
# want ImageNet's mean and deviation, which the recipe has.
_base_ = './maskrcnn_convnextv1_b_coco.py'

checkpoint = 'work_dirs/dinov3/dinov3_convnext_base_pretrain_lvd1689m-801f2ba9.pth'  # noqa: E501
model = dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint)))
