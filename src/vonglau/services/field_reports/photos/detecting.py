"""Proposing what to cover. A detector only proposes: a person looks before anything is public, and without a detector they draw themselves.

The model is a file of the installation's own choice (`VONGLAU_FIELD_REPORTS_PHOTO_MODEL`); none is shipped. It runs in ONNX Runtime, which
is installed beside (`pip install onnxruntime`; it is in no lock of ours). Contract of a model: one input, float32 [1, 3, H, W], RGB as
(value − 127) ÷ 128; two outputs, scores [1, N, 2] (nothing, something) and boxes [1, N, 4] (left, top, right, bottom as shares of width
and height).
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from vonglau.core.errors import BadFile
from vonglau.services.field_reports.options import PHOTO_MODEL
from vonglau.services.field_reports.photos.boxes import MOST, Box, merged

SURE = 0.5
GROW = 0.15


class FaceDetector(Protocol):
    """What finds faces, plates or both in a picture."""

    name: str

    def find(self, picture: Image.Image) -> Sequence[Box]: ...


class Onnx:
    """A model file. Raises BadFile when it, or ONNX Runtime, cannot be used."""

    def __init__(self, path: Path, session: Any = None) -> None:
        self.name = path.name[:80]
        self._session = session if session is not None else _open(path)
        (entry,) = self._session.get_inputs()
        _one, _three, self._height, self._width = entry.shape
        self._input = entry.name

    def find(self, picture: Image.Image) -> Sequence[Box]:
        small = picture.convert("RGB").resize((self._width, self._height), Image.Resampling.BILINEAR)
        pixels = ((np.asarray(small, dtype=np.float32) - 127.0) / 128.0).transpose(2, 0, 1)[None]
        scores, boxes = self._session.run(None, {self._input: pixels})
        found = []
        for left, top, right, bottom in np.clip(boxes[0][scores[0, :, 1] >= SURE], 0.0, 1.0):
            box = Box(
                round(left * picture.width),
                round(top * picture.height),
                round((right - left) * picture.width),
                round((bottom - top) * picture.height),
            ).grown(GROW)
            inside = box.within(picture.width, picture.height)
            found += [inside] if inside else []
        return merged(found)[:MOST]


def _open(path: Path) -> Any:
    try:
        runtime = import_module("onnxruntime")
    except ImportError as missing:
        raise BadFile(
            f"{PHOTO_MODEL.name} is set and ONNX Runtime is not installed: pip install onnxruntime."
        ) from missing
    if not path.is_file():
        raise BadFile(f"{PHOTO_MODEL.name}: there is no file {path}.")
    try:
        return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except RuntimeError as problem:
        raise BadFile(f"{PHOTO_MODEL.name}: {path} is no model that ONNX Runtime can use.") from problem


@lru_cache(maxsize=1)
def _loaded(path: str) -> FaceDetector:
    return Onnx(Path(path))


def installed() -> FaceDetector | None:
    """The installation's detector; None when none was chosen."""
    path = PHOTO_MODEL.value()
    return _loaded(path) if path else None
