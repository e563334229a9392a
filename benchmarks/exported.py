"""Exported models beside PyTorch: time of an image, memory, differences.

Exports each config to ONNX and OpenVINO, quantises that to int8, and lets all
take turns on an image of noise:
    pip install onnx onnxscript onnxruntime openvino nncf
    python benchmarks/exported.py maskrcnn_convnextv2_t_coco=800x1216 \\
        --images IMAGES --files FOLDER
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
from mmconvnextv2.inference.export import Export
from mmconvnextv2.quiet import quietly

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / 'demo'))
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
sys.path.append(sys.argv[1])
from run_exported import ExportedModel
run = ExportedModel(sys.argv[2], sys.argv[3]).run
run(np.zeros((1, 3, *map(int, sys.argv[4:])), 'f4'))
# Not ru_maxrss, which begins with that of the process that starts this one.
print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])
      / 1024)
'''


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
         folder / 'model.xml', images, folder / 'int8.xml', '--number', '20'],
        check=True, stdout=subprocess.DEVNULL)


def measure(config, size, args):
    """Print a model's rows of the table."""
    cfg = Config.fromfile(find_config(config))
    folder = args.files / config
    write_files(config, folder, args.images, args.checkpoint)
    with quietly():
        model = Export(cfg, args.checkpoint).graph.reference
    x = np.random.RandomState(0).randn(1, 3, *size).astype('f4')
    contenders = {'PyTorch, ours': torch.no_grad()(
        lambda: model(torch.from_numpy(x)))}
    memory = {}
    for title, (file, precision) in RUNTIMES.items():
        run = ExportedModel(folder / file, precision).run
        contenders[title] = lambda run=run: run(x)
        memory[title] = subprocess.run(
            [sys.executable, '-c', _PEAK, ROOT / 'demo', folder / file,
             precision, *map(str, size)],
            check=True, capture_output=True, text=True).stdout
    seconds = alternate(contenders, args.repeats, warmup=1)
    for title, values in seconds.items():
        peak = f'{float(memory[title]):.0f}' if title in memory else '-'
        print(f'| {config}, {size[0]} x {size[1]} | {title} | '
              f'{1 / statistics.median(values):.3g} | '
              f"{ratio(seconds['OpenVINO, float32'], values):.2f}x | {peak} |",
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
    add('--repeats', type=int, default=9)
    args = parser.parse_args()
    print('| model | runtime | images/s | over OpenVINO float32 | peak, MiB |'
          '\n|---|---|---|---|---|')
    for model in args.models:
        config, _, size = model.partition('=')
        measure(config, [int(x) for x in size.split('x')], args)


if __name__ == '__main__':
    main()
