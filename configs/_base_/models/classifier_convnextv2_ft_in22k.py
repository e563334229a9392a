# Fine-tuning on the classes of ImageNet-22K (ConvNeXt V2, Table 12).
_base_ = './classifier_convnextv2_ft_mixup.py'

num_classes = 21841
model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    head=dict(num_classes=num_classes))
