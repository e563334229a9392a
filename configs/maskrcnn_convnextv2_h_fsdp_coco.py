# Mask R-CNN, ConvNeXt V2-H, COCO, 36 epochs, sharded by FSDP:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv2_h_fsdp_coco.py 8
# The recipe and the steps are those of maskrcnn_convnextv2_h_coco.py: box /
# mask AP 55.7 / 48.9 (ConvNeXt V2, Table 6). Not yet reproduced by us.
_base_ = ['./maskrcnn_convnextv2_h_coco.py', './_base_/strategies/fsdp.py']
