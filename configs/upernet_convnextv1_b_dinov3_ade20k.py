# UperNet, ConvNeXt V1-B from DINOv3, ADE20K at 512, 160K iterations, 8 GPUs x
# 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_b_dinov3_ade20k.py 8
# No figure is published (DINOv3's model card gives 46.3 for a linear head):
# the recipe is upernet_convnextv1_b_ade20k.py's, not tuned for these weights.
# Not yet reproduced by us. The weights are Meta's, under the DINOv3 License:
# accept it at github.com/facebookresearch/dinov3, and put the file where the
# next line says (timm's and transformers' do as well). They want ImageNet's
# mean and deviation, which the recipe has.
_base_ = './upernet_convnextv1_b_ade20k.py'

checkpoint = 'work_dirs/dinov3/dinov3_convnext_base_pretrain_lvd1689m-801f2ba9.pth'  # noqa: E501
model = dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint)))
