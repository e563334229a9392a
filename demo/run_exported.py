"""Run an exported model without PyTorch and OpenMMLab: an image, a result.

Needs numpy, OpenCV, onnxruntime (or openvino) and a file that tools/export.py
wrote with --format onnx (or openvino) --dynamic:
    python run_exported.py model.onnx image.jpg
Copy it, and drop the tasks that are not yours.
"""
import argparse
import json

import cv2
import numpy as np

KEYS = 'part', 'preprocessing', 'classes', 'settings'


def resize(image, scale, keep_ratio=False, interpolation='bilinear',
           backend='cv2'):
    """Resize as mmcv does, to a width and height or within the two."""
    if keep_ratio:
        sides = image.shape[1::-1]
        ratio = min(max(scale) / max(sides), min(scale) / min(sides))
        scale = [int(x * ratio + 0.5) for x in sides]
    if backend == 'pillow':
        from PIL import Image
        kind = getattr(Image.Resampling, interpolation.upper())
        return np.asarray(Image.fromarray(image).resize(tuple(scale), kind))
    kind = dict(bilinear='LINEAR', bicubic='CUBIC').get(
        interpolation, interpolation.upper())
    return cv2.resize(image, tuple(scale),
                      interpolation=getattr(cv2, f'INTER_{kind}'))


def resize_edge(image, scale, edge='short', **options):
    """Resize so that the shorter (or the longer) side has a length."""
    sides = image.shape[1::-1]
    known = dict(short=min, long=max)[edge](sides)
    return resize(image, [int(scale * x / known) for x in sides], **options)


def center_crop(image, crop_size):
    """Cut out the centre."""
    top, left = (max(0, round((x - crop_size) / 2)) for x in image.shape[:2])
    return image[top:top + crop_size, left:left + crop_size]


STEPS = dict(Resize=resize, ResizeEdge=resize_edge, CenterCrop=center_crop)


def paste(mask, box, size):
    """Lay the mask of a box over an image: bilinear, 0 outside."""
    weights = []
    for low, high, bins, length in zip(box[1::-1], box[:1:-1], mask.shape,
                                       size):
        at = (np.arange(length) + 0.5 - low) / max(high - low, 1e-6) * bins
        weights.append(
            np.maximum(0, 1 - abs(at[:, None] - 0.5 - np.arange(bins))))
    return weights[0] @ mask @ weights[1].T


def open_onnx(path, precision):
    """Open an ONNX file; returns a function of its inputs, and metadata."""
    import onnxruntime
    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider'])
    names = [x.name for x in session.get_inputs()]
    return (lambda *inputs: session.run(None, dict(zip(names, inputs))),
            session.get_modelmeta().custom_metadata_map)


def open_openvino(path, precision):
    """Open an OpenVINO file, to compute in f32 or bf16; see ``open_onnx``."""
    import openvino
    model = openvino.Core().read_model(path)
    texts = {key: model.get_rt_info(['mmconvnextv2', key]).value
             for key in KEYS}
    compiled = openvino.compile_model(
        model, 'CPU', {'INFERENCE_PRECISION_HINT': precision})
    return lambda *inputs: [*compiled(list(inputs)).values()], texts


def read_image(path):
    """Read an image from disk: (H, W, 3), BGR."""
    if (image := cv2.imread(str(path))) is None:
        raise SystemExit(f'{path}: no file, or no image that OpenCV reads')
    return image


class ExportedModel:
    """A model of any of the tasks that reads images from disk."""

    def __init__(self, path, precision='f32'):
        open_file = open_openvino if str(path).endswith('.xml') else open_onnx
        # Runs the file on images (N, 3, H, W), normalised.
        self.run, texts = open_file(path, precision)
        self.meta = {key: json.loads(texts[key]) for key in KEYS}

    def __call__(self, path):
        """Return detections, a map or the scores of classes, or an image."""
        image = read_image(path)
        return getattr(self, self.meta['part'])(
            self.prepare(image), *image.shape[:2])

    def prepare(self, image):
        """Turn an image (H, W, 3), BGR, into the file's input."""
        given, x = self.meta['preprocessing'], image
        for step in given['steps']:
            arguments = {k: v for k, v in step.items() if k != 'type'}
            x = STEPS[step['type']](x, **arguments)
        x = x[..., ::-1] if given['channels'] == 'RGB' else x
        x = (x.astype('f4') - np.array(given['mean'], 'f4')) / np.array(
            given['std'], 'f4')
        return np.ascontiguousarray(x.transpose(2, 0, 1)[None])

    def backbone(self, x, height, width):
        """Return the maps (1, C, H, W) of a file without head."""
        return self.run(x)

    def classifier(self, x, height, width):
        """Return a probability for each class."""
        scores = self.run(x)[0][0]
        scores = np.exp(scores - scores.max())
        return scores / scores.sum()

    def detector(self, x, height, width):
        """Return label, score, bbox (in pixels) and mask of each object."""
        boxes, scores, labels, *masks = self.run(x)
        boxes = boxes / np.tile([x.shape[3] / width, x.shape[2] / height], 2)
        found = [dict(label=int(labels[i]), score=float(scores[i]),
                      bbox=boxes[i].tolist()) for i in np.flatnonzero(scores)]
        for entry, mask in zip(found, masks[0] if masks else ()):
            whole = paste(mask, entry['bbox'], (height, width))
            entry['mask'] = whole >= self.meta['settings']['mask_thr']
        return found

    def segmentor(self, x, height, width):
        """Return the class of each pixel (H, W)."""
        settings = self.meta['settings']
        window = x.shape[2:]
        if settings['mode'] == 'slide':
            window = [min(a, b) for a, b in zip(window, settings['crop_size'])]
        starts = [
            [min(i, side - part) for i in range(0, side - part + step, step)]
            for side, part, step in zip(
                x.shape[2:], window, settings.get('stride', window))]
        total = count = 0
        for top in starts[0]:
            for left in starts[1]:
                part = np.s_[..., top:top + window[0], left:left + window[1]]
                scores = self.run(x[part])[1][0]
                around = [(0, 0), *((low, side - low - length)
                                    for low, side, length in zip(
                                        (top, left), x.shape[2:], window))]
                total = total + np.pad(scores, around)
                count = count + np.pad(np.ones_like(scores), around)
        scores = np.stack([cv2.resize(score, (width, height))
                           for score in total / count])
        if len(scores) == 1:
            return 1 / (1 + np.exp(-scores[0])) > settings['binary_threshold']
        return scores.argmax(0)

    def reconstructor(self, x, height, width, seed=0):
        """Hide patches; return the image with them guessed (H, W, 3), BGR."""
        given, settings = self.meta['preprocessing'], self.meta['settings']
        rows, columns = (i // settings['patch_size'] for i in x.shape[2:])
        x = np.ascontiguousarray(x[..., :rows * settings['patch_size'],
                                   :columns * settings['patch_size']])
        order = np.random.default_rng(seed).permutation(rows * columns)
        visible = int(rows * columns * (1 - settings['mask_ratio']))
        guess, is_masked = self.run(
            x, (order >= visible).reshape(1, rows, columns))
        image = np.where(is_masked, guess, x)[0].transpose(1, 2, 0)
        image = (image * given['std'] + given['mean']).round().clip(0, 255)
        step = -1 if given['channels'] == 'RGB' else 1
        return image.astype('u1')[..., ::step]


if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='.onnx or .xml')
    parser.add_argument('image')
    parser.add_argument('--out', help="PNG file to write, FCMAE's guess")
    args = parser.parse_args()
    model = ExportedModel(args.model)
    if model.meta['part'] == 'backbone':
        parser.error('the file holds a backbone alone: call ExportedModel')
    result, names = model(args.image), dict(enumerate(model.meta['classes']))
    if isinstance(result, list):
        for entry in result:
            if entry['score'] >= 0.3:
                print(names.get(entry['label'], entry['label']),
                      f"{entry['score']:.3f}", np.round(entry['bbox'], 1))
    elif result.ndim == 1:
        for label in (-result).argsort()[:5]:
            print(names.get(label, label), f'{result[label]:.3f}')
    elif result.ndim == 3:
        if not args.out:
            parser.error('the result is an image: name a file by --out')
        with open(args.out, 'xb') as file:
            file.write(cv2.imencode('.png', result)[1])
    else:
        for label, count in zip(*np.unique(result, return_counts=True)):
            print(names.get(label, label), f'{count / result.size:.3f}')
