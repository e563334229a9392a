# SARDet-100K (github.com/zcablii/SARDet_100K): boxes of 6 classes in COCO's
# form, images of radar. Tested on its test split. 2 images on each of 8 GPUs.
_base_ = './coco_instance.py'

data_root = 'data/SARDet_100K/'
metainfo = dict(
    classes=('ship', 'aircraft', 'car', 'tank', 'bridge', 'harbor'))
scale = (800, 800)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    _base_.test_pipeline[0],
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    _base_.test_pipeline[3]
]

train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        data_root=data_root,
        ann_file='Annotations/train.json',
        data_prefix=dict(img='JPEGImages/train/'),
        metainfo=metainfo,
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='Annotations/val.json',
        data_prefix=dict(img='JPEGImages/val/'),
        metainfo=metainfo,
        pipeline=test_pipeline))
test_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='Annotations/test.json',
        data_prefix=dict(img='JPEGImages/test/'),
        metainfo=metainfo,
        pipeline=test_pipeline))

val_evaluator = dict(
    ann_file=data_root + 'Annotations/val.json', metric=['bbox'])
test_evaluator = dict(
    ann_file=data_root + 'Annotations/test.json', metric=['bbox'])
