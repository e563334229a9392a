"""The formats of exported files: how each is written, and run."""
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import torch
from torch import Tensor

FORMATS = {'onnx': '.onnx', 'openvino': '.xml', 'torch_export': '.pt2'}
# The most that protobuf can hold in one file, with some room left.
_ONE_FILE = 2**31 - 2**24  # bytes
_METADATA = 'mmconvnextv2.json'


def write(program: torch.export.ExportedProgram, path: Path, kind: str,
          metadata: Dict[str, Any], opset: Optional[int] = None) -> None:
    """Write what torch.export has read, with metadata.

    ONNX weights of 2 GiB and more go to a second file, whose name ends with
    '.data', and all of OpenVINO's to one that ends with '.bin'.

    Args:
        program (ExportedProgram): What to write.
        path (Path): File to write.
        kind (str): One of ``FORMATS``.
        metadata (dict): Values that JSON can hold; names of ``inputs``
            and ``outputs``.
        opset (int, optional): Version of the operators of ONNX. Defaults to
            None, PyTorch's choice.
    """
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    if kind == 'torch_export':
        torch.export.save(program, str(path),
                          extra_files={_METADATA: json.dumps(metadata)})
        return
    from .onnx_operators import TRANSLATIONS
    size = sum(x.numel() * x.element_size()
               for x in program.state_dict.values())
    program = torch.onnx.export(
        program, (), input_names=list(metadata['inputs']),
        output_names=list(metadata['outputs']), opset_version=opset,
        custom_translation_table=TRANSLATIONS, dynamo=True, verbose=False)
    program.model.metadata_props.update(texts)
    onnx = path.with_suffix('.onnx')
    program.save(str(onnx), external_data=size > _ONE_FILE)
    if kind == 'openvino':
        _convert_to_openvino(onnx, path, texts)


def _convert_to_openvino(onnx: Path, path: Path,
                         texts: Dict[str, str]) -> None:
    import openvino
    model = openvino.convert_model(onnx)
    for key, text in texts.items():
        model.set_rt_info(text, ['mmconvnextv2', key])
    openvino.save_model(model, path, compress_to_fp16=False)
    for part in onnx.parent.glob(f'{onnx.name}*'):
        part.unlink()


def _open_onnx(path: Path) -> Callable[..., List[Tensor]]:
    import onnxruntime
    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider'])
    names = [x.name for x in session.get_inputs()]
    return lambda *inputs: list(map(torch.from_numpy, session.run(
        None, {x: y.numpy() for x, y in zip(names, inputs)})))


def _open_openvino(path: Path) -> Callable[..., List[Tensor]]:
    import openvino
    model = openvino.Core().compile_model(
        path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return lambda *inputs: [torch.from_numpy(x) for x in
                            model([y.numpy() for y in inputs]).values()]


# Of each format, what opens a file as a function from inputs to outputs.
OPEN: Dict[str, Callable] = dict(
    onnx=_open_onnx, openvino=_open_openvino,
    torch_export=lambda path: torch.export.load(str(path)).module())
