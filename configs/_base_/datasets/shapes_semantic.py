# The shapes data set (mmconvnextv2.datasets) in its ADE20K layout: five shapes
# and, as the last class, the background. tools/train.py writes it on first
# use. ADE20KDataset itself allows no classes but its own.
_base_ = './ade20k.py'

dataset_type = 'BaseSegDataset'
data_root = 'data/shapes/ade'
metainfo = dict(
    classes=('circle', 'cross', 'square', 'star', 'triangle', 'background'),
    palette=[(220, 60, 60), (170, 90, 210), (60, 160, 230), (245, 190, 40),
             (70, 190, 90), (128, 128, 128)])
crop_size = (128, 128)  # height, width

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(
        type='RandomFlip', prob=[0.4, 0.4],
        direction=['horizontal', 'vertical']),
    dict(type='PackSegInputs')
]
# At the images' own size, of 128 to 192 px a side.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='Resize', scale_factor=ratio, keep_ratio=True)
            for ratio in (0.75, 0.875, 1.0, 1.125, 1.25)
        ], [dict(type='RandomFlip', prob=prob) for prob in (0., 1.)],
                    [dict(type='LoadAnnotations')],
                    [dict(type='PackSegInputs')]])
]

shapes = dict(
    type=dataset_type,
    data_root=data_root,
    metainfo=metainfo,
    reduce_zero_label=True)
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(pipeline=train_pipeline, **shapes))
val_dataloader = dict(
    num_workers=1, dataset=dict(pipeline=test_pipeline, **shapes))
test_dataloader = val_dataloader
