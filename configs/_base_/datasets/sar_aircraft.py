# SAR-AIRcraft-1.0 (radars.ac.cn; boxes of 7 kinds of aircraft) in VOC's form.
# Mean AP by VOC 2007's rule of 11 points. 2 images on each of 8 GPUs.
_base_ = './sardet.py'

data_root = 'data/SAR-AIRcraft-1.0/'
metainfo = dict(
    classes=('A220', 'A320/321', 'A330', 'ARJ21', 'Boeing737', 'Boeing787',
             'other'))

aircraft = dict(
    _delete_=True,
    type='VOCDataset',
    data_root=data_root,
    data_prefix=dict(sub_data_root=''),
    metainfo=metainfo)
train_dataloader = dict(
    dataset=dict(
        aircraft,
        ann_file='ImageSets/Main/train.txt',
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(
        aircraft,
        ann_file='ImageSets/Main/val.txt',
        test_mode=True,
        pipeline=_base_.test_pipeline))
test_dataloader = dict(
    dataset=dict(
        aircraft,
        ann_file='ImageSets/Main/test.txt',
        test_mode=True,
        pipeline=_base_.test_pipeline))

val_evaluator = dict(
    _delete_=True, type='VOCMetric', metric='mAP', eval_mode='11points')
test_evaluator = val_evaluator
