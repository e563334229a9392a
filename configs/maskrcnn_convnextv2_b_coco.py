# Mask R-CNN, ConvNeXt V2-B, COCO, 36 epochs, 8 GPUs x 4 images:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv2_b_coco.py 8
# Expected box / mask AP: 52.9 / 46.6 (ConvNeXt V2, Table 6);
# OpenMMLab's run, whose values fill what the paper leaves open (decay 0.95,
# drop path 0.4, FCMAE-only weights): 52.9 / 46.4. Not yet reproduced by us.
# Decay: group-wise, the paper's for Base and Large; OpenMMLab calls it
# layer_wise.
_base_ = [
    './_base_/models/maskrcnn_convnextv2.py',
    './_base_/datasets/coco_instance_lsj.py',
    './_base_/schedules/coco_3x.py', './_base_/detection_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-base_3rdparty-fcmae_in1k_20230104-8a798eaf.pth'  # noqa: E501
model = dict(
    backbone=dict(
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')))

optim_wrapper = dict(paramwise_cfg=dict(decay_type='group_wise'))
