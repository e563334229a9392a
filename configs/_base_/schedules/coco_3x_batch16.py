# The V1 code's and OpenMMLab's 36 epochs: a total batch of 16, group-wise
# decay (they call it layer_wise). Warm-up: OpenMMLab's.
_base_ = './coco_3x.py'

optim_wrapper = dict(paramwise_cfg=dict(decay_type='group_wise'))

# The learning rate is for 16 images.
auto_scale_lr = dict(base_batch_size=16)
