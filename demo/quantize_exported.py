"""Quantise an exported OpenVINO model to int8, without PyTorch.

Needs numpy, OpenCV, openvino, nncf, some hundred images like those to come,
and a file that tools/export.py wrote with --format openvino --dynamic:
    python quantize_exported.py model.xml IMAGES model_int8.xml
"""
import argparse
import os
import tempfile
from pathlib import Path

from run_exported import ExportedModel, read_image

SUFFIXES = '.jpg', '.jpeg', '.png', '.bmp', '.webp'


def find_images(folder, number):
    """Find images in a folder, spread evenly over their names."""
    files = sorted(x for x in Path(folder).iterdir()
                   if x.suffix.lower() in SUFFIXES)
    if not files:
        raise SystemExit(f'{folder}: no images ({", ".join(SUFFIXES)})')
    return files[::max(1, len(files) // number)][:number]


def quantize(source, images, number=100):
    """Quantise a file's layers by the ranges that images give.

    Returns:
        openvino.Model: Weights and activations of convolutions and linear
        layers in int8, the rest in float.
    """
    import nncf
    import openvino
    prepare = ExportedModel(source).prepare
    data = nncf.Dataset(find_images(images, number),
                        lambda path: prepare(read_image(path)))
    # GRN stays in float: norms of whole maps span more than eight bits do.
    in_float = nncf.IgnoredScope(types=['ReduceL2', 'ReduceMean', 'Divide',
                                        'Multiply'], validate=False)
    return nncf.quantize(openvino.Core().read_model(source), data,
                         subset_size=number, ignored_scope=in_float)


def main():
    """Read the command line; write the file whole or not at all."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path)
    parser.add_argument('images', type=Path, help='a folder')
    parser.add_argument('out', type=Path)
    parser.add_argument('--number', type=int, default=100,
                        help='of images to measure (default: %(default)s)')
    args = parser.parse_args()
    if {args.source.suffix, args.out.suffix} != {'.xml'}:
        parser.error('the names of both models end with .xml')
    if args.out.exists() or args.out.with_suffix('.bin').exists():
        parser.error(f'{args.out}, or its .bin, exists')
    if not (args.source.is_file() and args.images.is_dir()):
        parser.error(f'{args.source} is no file, or {args.images} no folder')
    import openvino
    model = quantize(args.source, args.images, args.number)
    with tempfile.TemporaryDirectory(dir=args.out.parent) as folder:
        openvino.save_model(model, Path(folder, args.out.name))
        for suffix in ('.bin', '.xml'):
            name = args.out.with_suffix(suffix)
            os.replace(Path(folder, name.name), name)


if __name__ == '__main__':
    main()
