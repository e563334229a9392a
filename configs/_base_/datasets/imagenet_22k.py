# ImageNet-22K (21841 classes, 14.2 million images) at 224 px, augmented like
# ImageNet-1K, without validation: it has no split for that. Images lie in
# data/imagenet22k/train, a folder per class, in whose alphabetical order the
# classes are numbered. mmpretrain calls it ImageNet21k. It lists all files at
# each start, which takes long, unless data/imagenet22k/meta/train.txt says
# them, one a line: n00004475/n00004475_6590.JPEG 0
_base_ = './imagenet_224.py'

train_dataloader = dict(
    dataset=dict(type='ImageNet21k', data_root='data/imagenet22k/'))
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = None
test_evaluator = None
test_cfg = None
