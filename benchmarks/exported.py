"""Exported models beside PyTorch: time of an image, memory, box mAP.

Exports each config to ONNX and OpenVINO, quantises that to int8, and lets all
take turns on an image of noise:
    pip install onnx onnxscript onnxruntime openvino nncf
    python benchmarks/exported.py maskrcnn_convnextv2_t_coco=800x1216 \\
        --images IMAGES --files FOLDER
A trained detector's box mAP on other images stands beside it with
    --checkpoint FILE --evaluate IMAGES COCO.json
"""
import argparse
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from timing import alternate, ratio

from mmconvnextv2.config.find import find_config
from mmconvnextv2.images import list_images
from mmconvnextv2.inference.export import Export
from mmconvnextv2.quiet import quietly

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / 'demo'), str(ROOT / 'dev')]
from check_exported import box_map, predict_ours  # noqa: E402
from run_exported import ExportedModel  # noqa: E402

# By name: file and precision.
RUNTIMES = {
    'onnxruntime': ('model.onnx', 'f32'),
    'OpenVINO, float32': ('model.xml', 'f32'),
    'OpenVINO, bfloat16': ('model.xml', 'bf16'),
    'OpenVINO, int8': ('int8.xml', 'f32'),
}
_PEAK = '''
import re, sys
import numpy as np
sys.path[:0] = [f'{sys.argv[1]}/demo', f'{sys.argv[1]}/benchmarks']
x = np.zeros((1, 3, *map(int, sys.argv[4:])), 'f4')
if sys.argv[3] == 'PyTorch':
    from exported import in_pytorch
    in_pytorch(sys.argv[2])(x)
else:
    from run_exported import ExportedModel
    ExportedModel(sys.argv[2], sys.argv[3]).run(x)
# Not ru_maxrss, which begins with that of the process that starts this one.
print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])
      // 1024)
'''


def in_pytorch(config, checkpoint=None):
    """Build what is exported of a config, as a function of an array."""
    with quietly():
        graph = Export(Config.fromfile(find_config(config)), checkpoint).graph
    return torch.no_grad()(lambda x: graph(torch.from_numpy(x)))


def peak_memory(model, precision, size):
    """Measure a process that runs a file, or a config in PyTorch; in MiB."""
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', _PEAK, ROOT, model,
         precision, *map(str, size)],
        check=True, capture_output=True, text=True).stdout.split()[-1]


def write_files(config, folder, images, checkpoint):
    """Write the files that ``RUNTIMES`` names, unless they are there."""
    if (folder / 'int8.xml').exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    weights = ['--checkpoint', checkpoint] if checkpoint else []
    for kind, name in (('onnx', 'model.onnx'), ('openvino', 'model.xml')):
        subprocess.run(
            [sys.executable, ROOT / 'tools' / 'export.py', config,
             folder / name, '--format', kind, '--dynamic', *weights],
            check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        [sys.executable, ROOT / 'demo' / 'quantize_exported.py',
         folder / 'model.xml', images, folder / 'int8.xml',
         '--number', '100' if checkpoint else '20'],
        check=True, stdout=subprocess.DEVNULL)


def evaluate(cfg, folder, args):
    """Return the box mAP of each contender, a text; '-' unless asked for."""
    titles = ['PyTorch, ours', *RUNTIMES]
    if not args.evaluate:
        return dict.fromkeys(titles, '-')
    images, annotations = args.evaluate
    paths = list_images(Path(images))
    found = [predict_ours(cfg, args.checkpoint, paths)]
    for file, precision in RUNTIMES.values():
        model = ExportedModel(folder / file, precision)
        found.append([model(path) for path in paths])
    return {title: f'{box_map(results, paths, annotations):.4f}'
            for title, results in zip(titles, found)}


def measure(config, size, args):
    """Print a model's rows of the table."""
    cfg = Config.fromfile(find_config(config))
    folder = args.files / config
    write_files(config, folder, args.images, args.checkpoint)
    x = np.random.RandomState(0).randn(1, 3, *size).astype('f4')
    model = in_pytorch(config, args.checkpoint)
    contenders = {'PyTorch, ours': lambda: model(x)}
    memory = {'PyTorch, ours': peak_memory(config, 'PyTorch', size)}
    for title, (file, precision) in RUNTIMES.items():
        run = ExportedModel(folder / file, precision).run
        contenders[title] = lambda run=run: run(x)
        memory[title] = peak_memory(folder / file, precision, size)
    maps = evaluate(cfg, folder, args)
    seconds = alternate(contenders, args.repeats, warmup=1)
    for title, values in seconds.items():
        print(f'| {config}, {size[0]} x {size[1]} | {title} | '
              f'{1 / statistics.median(values):.3g} | '
              f"{ratio(seconds['OpenVINO, float32'], values):.2f}x | "
              f'{memory[title]} | {maps[title]} |',
              flush=True)


def main():
    """Read the command line; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('models', nargs='+', metavar='CONFIG=HEIGHTxWIDTH')
    add('--images', type=Path, required=True,
        help='folder of images, whose ranges int8 takes')
    add('--files', type=Path, required=True,
        help='folder for the exported files; those that are there are taken')
    add('--checkpoint', help='weights (default: random ones)')
    add('--evaluate', nargs=2, metavar=('IMAGES', 'COCO.json'),
        help='folder and annotations, for the box mAP of a --checkpoint')
    add('--repeats', type=int, default=9)
    args = parser.parse_args()
    if args.evaluate and not args.checkpoint:
        parser.error('--evaluate needs a --checkpoint')
    print('| model | runtime | images/s | over OpenVINO float32 | peak, MiB | '
          'box mAP |\n|---|---|---|---|---|---|')
    for model in args.models:
        config, _, size = model.partition('=')
        measure(config, [int(x) for x in size.split('x')], args)


if __name__ == '__main__':
    main()
