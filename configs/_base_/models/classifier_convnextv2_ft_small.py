# Fine-tuning of Atto to Nano: more label smoothing (ConvNeXt V2, Table 9). How
# much is mixed differs from size to size.
_base_ = './classifier_convnextv2_ft.py'

model = dict(head=dict(loss=dict(label_smooth_val=0.2)))
