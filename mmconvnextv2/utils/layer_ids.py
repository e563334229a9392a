def group_wise_layer_id(name, depths):
    raise NotImplementedError
