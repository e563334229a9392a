"""A data set of all images in a folder."""
import os.path as osp

from mmengine.utils import scandir

from mmconvnextv2.images import SUFFIXES
from mmconvnextv2.registry import DATASETS, absent

try:
    from mmseg.datasets import BaseSegDataset
except ModuleNotFoundError as error:
    if error.name != 'mmseg':
        raise
    BaseSegDataset = absent('mmseg')


@DATASETS.register_module()
class FolderSegDataset(BaseSegDataset):
    """Images of all kinds in a folder, each with a label map of its name.

    mmseg's ``BaseSegDataset`` reads the files of one suffix, as it is written.
    This reads those of every suffix in ``mmconvnextv2.images.SUFFIXES``, in
    capitals too. All else is the same; with an ``ann_file``, so is this.

    Args:
        **kwargs (Any): Those of ``BaseSegDataset``. ``seg_map_suffix`` is the
            end of the names of label maps, '.png' by default.
    """

    def load_data_list(self) -> list[dict]:
        """List the images.

        Raises:
            ValueError: If two images have one label map.
        """
        if self.ann_file and not osp.isdir(self.ann_file):
            return super().load_data_list()
        names = scandir(self.data_prefix['img_path'], SUFFIXES,
                        recursive=True, case_sensitive=False)
        found, items = sorted({osp.splitext(x)[1] for x in names}), []
        for self.img_suffix in found:
            items += super().load_data_list()
        self.img_suffix = tuple(found)
        maps = {x.get('seg_map_path') for x in items}
        items = [x for x in items if x['img_path'] not in maps]
        of_map: dict = {}
        for item in items:
            path, other = item.get('seg_map_path'), item['img_path']
            if path and (first := of_map.setdefault(path, other)) != other:
                raise ValueError(f'{first} and {other} would have the same '
                                 f'label map, {path}')
        return sorted(items, key=lambda x: x['img_path'])
