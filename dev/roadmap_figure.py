"""Draw ConvNeXt's Figure 2 from the metafile: docs/roadmap.png.

Published accuracies, and multiply-adds as counted from the configs.
"""
from pathlib import Path
from typing import List

import matplotlib
from model_zoo import Model, load_zoo

matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
_SWIN = dict(t=('Swin-T', 81.3), b=('Swin-B', 83.5))  # Tables 10 and 11


def steps(size: str) -> List[Model]:
    """Models of the metafile on the way to ConvNeXt-T or -B."""
    return [model for family in load_zoo(ROOT) for model in family.models
            if model['Name'].startswith(f'roadmap_{size}_')]


def draw(path: Path) -> None:
    """Draw bars of accuracy, with multiply-adds written in."""
    figure, places = plt.subplots(1, 2, figsize=(13, 5.5), sharex=False)
    for axes, size in zip(places, 'tb'):
        models = steps(size)
        names = [x['Name'].split('_', 3)[3].removesuffix('_in1k')
                 for x in models]
        top1 = [x['Results'][0]['Metrics']['Top 1 Accuracy'] for x in models]
        dropped = [x in ('kernel9', 'kernel11') for x in names]
        axes.barh(names, top1, color=[
            '#c8c8c8' if x else '#4878b0' for x in dropped])
        for i, (model, value) in enumerate(zip(models, top1)):
            macs = model['Metadata']['FLOPs'] / 1e9
            axes.text(value + 0.05, i, f'{value:.2f}, {macs:.2f}G',
                      va='center', fontsize=8)
        rival, accuracy = _SWIN[size]
        axes.axvline(accuracy, color='#b05048', linestyle='--', linewidth=1)
        axes.text(accuracy, -0.9, rival, color='#b05048', ha='center')
        axes.set_xlim(min(top1) - 0.5, max(top1) + 1.2)
        axes.invert_yaxis()
        axes.set_xlabel('published ImageNet-1K top-1, % '
                        f'(ConvNeXt, Table {dict(t=10, b=11)[size]})')
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == '__main__':
    draw(ROOT / 'docs/roadmap.png')
