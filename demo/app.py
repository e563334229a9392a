"""Play with models in a browser: predictions, masked patches, channels.

    python demo/app.py                            # what `make demo` trained
    python demo/app.py --model CONFIG CHECKPOINT --model CONFIG CHECKPOINT

Needs Gradio: pip install -e ".[app]".
"""
import argparse
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--model', nargs=2, action='append', metavar=('CONFIG', 'CHECKPOINT'),
        help='a detector, segmentor, classifier or FCMAE; may be repeated '
        '(default: the latest run of `make demo`)')
    parser.add_argument(
        '--host', default='127.0.0.1',
        help='address to listen on; others than this one let everybody in '
        'who reaches it (default: %(default)s)')
    parser.add_argument('--port', type=int, default=7860)
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import cv2
import numpy as np
import torch

from mmconvnextv2 import analysis
from mmconvnextv2.checkpoint.errors import CheckpointError
from mmconvnextv2.cli import refused, require_file, run_command
from mmconvnextv2.config.find import find_config
from mmconvnextv2.errors import CommandError
from mmconvnextv2.images import check_image, read_centre
from mmconvnextv2.inference import build_predictor
from mmconvnextv2.inference.predict import MaskedAutoencoder, Predictor
from mmconvnextv2.quiet import quietly
from mmconvnextv2.visualization.reconstruction import draw_reconstructions

_SIZE = 224  # pixels, side of the images of the last two tabs
_COLUMNS = ['class', 'score', 'x1', 'y1', 'x2', 'y2']
_EXAMPLES = 'data/shapes/val2017'


def latest_demo(folder: Path = Path('work_dirs/demo')) -> List[str]:
    """Find config and checkpoint of the latest demo.

    Raises:
        CommandError: If there is none.
    """
    for file in sorted(folder.glob('*/last_checkpoint'), reverse=True):
        found = [file.parent / Path(file.read_text().strip()).name,
                 *file.parent.glob('*.py')]
        if len(found) == 2 and found[0].is_file():
            return [str(found[1]), str(found[0])]
    raise CommandError(f'there is no model in {folder}: run `make demo`, or '
                       'give --model CONFIG CHECKPOINT')


def readable(path: Optional[str]) -> str:
    """Return the path of an image that can be read; else say what is wrong."""
    import gradio
    if path is None:
        raise gradio.Error('Choose an image first.')
    try:
        check_image(Path(path))
    except ValueError as error:
        raise gradio.Error(f'{Path(path).name}: {error}') from error
    return path


def show_prediction(predictor: Predictor) -> Callable:
    """Return what maps image and threshold to a picture and a table."""

    def show(path: str, score_thr: float) -> Tuple[np.ndarray, List[list]]:
        predictor.score_thr = score_thr
        found = predictor(readable(path))
        rows = found.result.get('instances') or found.result.get('classes', [])
        return found.picture, [
            [x['name'], round(x.get('score', x.get('share', 0.)), 3),
             *(round(v) for v in x.get('bbox', ()))] for x in rows]

    return show


def draw_random_mask(ratio: float, seed: float) -> np.ndarray:
    """Hide a share of the patches: (7, 7), bool, True = hidden."""
    side = _SIZE // 32
    order = np.random.default_rng(int(seed)).permutation(side * side)
    hidden = order < min(round(ratio * side * side), side * side - 1)
    return hidden.reshape(side, side)


def show_reconstruction(model: torch.nn.Module) -> Callable:
    """Return what maps image and mask to original, masked and guess."""

    def show(path: str, hidden: np.ndarray) -> List[np.ndarray]:
        pixels = read_centre(Path(readable(path)), _SIZE)
        images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        inputs = model.data_preprocessor(
            dict(inputs=images, data_samples=None))['inputs']
        drawn = draw_reconstructions(
            model, inputs, torch.from_numpy(hidden)[None].to(inputs.device))
        width = drawn.shape[1] // 4
        return [drawn[:_SIZE, i * width:i * width + _SIZE] for i in (0, 1, 3)]

    return show


def toggle_patch(hidden: np.ndarray, place: Tuple[int, int]) -> np.ndarray:
    """Hide or show the patch at (x, y), in pixels; one stays visible."""
    hidden, (x, y) = hidden.copy(), (int(v) // 32 for v in place)
    hidden[y, x] = not hidden[y, x]
    if hidden.all():
        import gradio
        raise gradio.Error('One patch must stay visible.')
    return hidden


def show_channels(model: analysis.Model) -> Callable:
    """Return what maps image and block to a picture of its channels."""

    def show(path: str, layer: str) -> np.ndarray:
        image = analysis.Images([Path(readable(path))], [0], [''])
        grid = analysis.observe(
            model.backbone,
            analysis.batches(image, model.preprocess, _SIZE, 1),
            (analysis.AFTER_GRN, ), analysis.ActivationGrid([layer]))
        squares = analysis.activation_grid(grid.layers()[0][2])
        shade = np.nan_to_num(255 * squares, nan=255.).astype(np.uint8)
        side = max(1, 900 // shade.shape[1])
        shade = shade.repeat(side, 0).repeat(side, 1)
        return cv2.applyColorMap(shade, cv2.COLORMAP_VIRIDIS)[..., ::-1]

    return show


def _predict_tab(gr: Any, predictor: Predictor) -> None:
    with gr.Row():
        image = gr.Image(type='filepath', sources='upload', label='image')
        picture = gr.Image(label='prediction', elem_classes='drawn')
    slider = gr.Slider(0, 1, 0.3, label='lowest score')
    table = gr.Dataframe(headers=_COLUMNS, label='found')
    _on(gr, image, [slider.release], show_prediction(predictor),
        [image, slider], [picture, table], 'predict')


def _reconstruct_tab(gr: Any, model: torch.nn.Module) -> None:
    image = gr.Image(type='filepath', sources='upload', label='image')
    with gr.Row():
        ratio = gr.Slider(0.1, 0.9, 0.6, label='mask ratio')
        seed = gr.Number(0, precision=0, label='seed of the mask')
    with gr.Row():
        pictures = [gr.Image(label=x, elem_classes='drawn') for x in (
            'original', 'masked (click patches)', 'reconstruction')]
    hidden = gr.State(draw_random_mask(0.6, 0))
    show = show_reconstruction(model)

    def draw(path: str, ratio: float, seed: float) -> list:
        mask = draw_random_mask(ratio, seed)
        return [mask, *show(path, mask)]

    def click(path: str, mask: np.ndarray, event: gr.SelectData) -> list:
        mask = toggle_patch(mask, event.index)
        return [mask, *show(path, mask)]

    _on(gr, image, [ratio.release, seed.change], draw, [image, ratio, seed],
        [hidden, *pictures], 'reconstruct')
    pictures[1].select(click, [image, hidden], [hidden, *pictures])


def _channels_tab(gr: Any, model: analysis.Model) -> None:
    layers = list(analysis.blocks(model.backbone))
    with gr.Row():
        image = gr.Image(type='filepath', sources='upload', label='image')
        picture = gr.Image(
            label='channels that enter the second linear layer',
            elem_classes='drawn')
    layer = gr.Dropdown(layers, value=layers[-1], label='block')
    _on(gr, image, [layer.change], show_channels(model), [image, layer],
        picture, 'channels')


def _on(gr: Any, image: Any, triggers: list, run: Callable, inputs: list,
        outputs: Any, api_name: str) -> None:
    """Run a function on new images, of files or examples, and on triggers."""
    # Not on change, which comes before an upload is complete.
    gr.on([image.upload, *triggers], run, inputs, outputs, api_name=api_name)
    files = sorted(Path(_EXAMPLES).glob('*.jpg'))[:6]
    if files:
        examples = gr.Examples([str(x) for x in files], image, label='shapes')
        examples.load_input_event.then(run, inputs, outputs)


def build(models: List[List[str]]) -> Any:
    """Build the page.

    Args:
        models (list): Config and checkpoint of each model.

    Raises:
        CommandError: If a package or a model is missing or does not fit.
    """
    try:
        import gradio as gr
    except ModuleNotFoundError as error:
        raise CommandError('the page needs Gradio: pip install -e ".[app]"'
                           ) from error
    with gr.Blocks(title='mmconvnextv2', analytics_enabled=False) as page:
        gr.Markdown('# ConvNeXt V2')
        for i, (config, checkpoint) in enumerate(models, 1):
            require_file(checkpoint, '--model')
            with refused('--model', FileNotFoundError, ValueError,
                         CheckpointError), quietly():
                path = str(find_config(config))
                predictor = build_predictor(path, checkpoint)
                backbone = analysis.load_model(path, path, checkpoint)
            number = f' {i}' if len(models) > 1 else ''
            is_fcmae = isinstance(predictor, MaskedAutoencoder)
            title = 'Reconstruction' if is_fcmae else 'Prediction'
            with gr.Tab(title + number):
                gr.Markdown(f'{Path(path).stem}, {checkpoint}')
                if is_fcmae:
                    _reconstruct_tab(gr, predictor.inferencer.model)
                else:
                    _predict_tab(gr, predictor)
            with gr.Tab(f'Channels{number}'):
                _channels_tab(gr, backbone)
    return page


def app(args: argparse.Namespace) -> None:
    """Build the page and serve it."""
    build(args.model or [latest_demo()]).launch(
        server_name=args.host, server_port=args.port, share=False,
        show_error=True)


if __name__ == '__main__':
    sys.exit(run_command(app, parse_args()))
