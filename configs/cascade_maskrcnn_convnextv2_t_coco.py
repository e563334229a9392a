# Cascade Mask R-CNN, ConvNeXt V2-T, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv2_t_coco.py 8
# No published result: the V2 paper trains no Cascade. The V1 code's recipe,
# but for the warm-up, for V1-T (which reached 50.4 / 43.7) with the V2 paper's
# soft-NMS. From weights fine-tuned on IN-1K, since V1's are supervised. Decay:
# group-wise, as in the V1 code, where it is called layer_wise.
_base_ = [
    './_base_/models/cascade_maskrcnn_convnextv2.py',
    './_base_/datasets/coco_instance_multiscale.py',
    './_base_/schedules/coco_3x_batch16.py', './_base_/detection_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-tiny_fcmae-pre_3rdparty_in1k_20230104-471a86de.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='tiny',
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    neck=dict(in_channels=[96, 192, 384, 768]))

optim_wrapper = dict(
    paramwise_cfg=dict(decay_rate=0.7), optimizer=dict(lr=2e-4))
