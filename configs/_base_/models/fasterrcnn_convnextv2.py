# The same as Mask R-CNN without masks.
_base_ = './maskrcnn_convnextv2.py'

model = dict(
    type='FasterRCNN',
    data_preprocessor=dict(pad_mask=False),
    roi_head=dict(mask_roi_extractor=None, mask_head=None))
