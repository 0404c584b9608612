"""A learned suggestion as a file: the safetensors layout (a length, a JSON header, plain little-endian numbers). Loading runs nothing.

    weights  F16 (categories, SIZE)     bias  F32 (categories,)     scale  F16 (SIZE,), where words were weighed by rarity

What categories there are, from what it was learned and from which confidence it speaks stand in the header's `__metadata__`.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from vonglau.core.errors import BadFile, BadInput
from vonglau.services.field_reports.suggesting.features import SIZE, Floats

FORMAT = "vonglau-suggest/1"
HEADER_LIMIT = 1 << 20
CATEGORIES_LIMIT = 500
FILE_LIMIT = HEADER_LIMIT + (CATEGORIES_LIMIT + 1) * (SIZE * 2 + 4) + 8

TYPES: dict[str, np.dtype[np.float16] | np.dtype[np.float32]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in the numbers one array stands."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said about a model; safetensors wants texts, so this stands as JSON in one of them."""

    format: str
    method: str
    codes: tuple[str, ...]
    blocks: int
    temperature: float
    threshold: float
    about: dict[str, str]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"metadata": "__metadata__"}):
    """The header of the file."""

    metadata: dict[str, str]
    weights: Tensor
    bias: Tensor
    scale: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """Checked, ready to suggest."""

    facts: Facts
    weights: npt.NDArray[np.float32]
    bias: Floats
    scale: Floats | None


def save(path: Path, model: Model) -> None:
    """BadInput when it cannot be written."""
    arrays = {"weights": model.weights.astype("<f2"), "bias": model.bias.astype("<f4")}
    if model.scale is not None:
        arrays["scale"] = model.scale.astype("<f2")
    tensors, at = {}, 0
    for name, array in arrays.items():
        tensors[name] = Tensor(_kind(array), array.shape, (at, at + array.nbytes))
        at += array.nbytes
    metadata = {"vonglau": msgspec.json.encode(model.facts).decode()}
    header = msgspec.json.encode(Header(metadata, tensors["weights"], tensors["bias"], tensors.get("scale")))
    if model.scale is None:
        header = msgspec.json.encode({"__metadata__": metadata, "weights": tensors["weights"], "bias": tensors["bias"]})
    try:
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(header)))
            file.write(header)
            for array in arrays.values():
                file.write(array.tobytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}): choose another --model.") from error


def _kind(array: npt.NDArray[np.floating]) -> str:
    return next(name for name, dtype in TYPES.items() if dtype == array.dtype)


def load(path: Path) -> Model:
    """A model from a file that may be anybody's. BadFile says why it cannot be used."""
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise _no_model(path, f"larger than {FILE_LIMIT >> 20} MiB")
        return _read(path, path.read_bytes())
    except OSError as error:
        raise BadFile(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _no_model(path: Path, why: str) -> BadFile:
    return BadFile(f"{path}: no model of suggestions: {why}; train one with `vonglau reports train`")


def _read(path: Path, raw: bytes) -> Model:
    if len(raw) < 8:
        raise _no_model(path, "shorter than its header")
    (length,) = struct.unpack("<Q", raw[:8])
    if length > min(HEADER_LIMIT, len(raw) - 8):
        raise _no_model(path, "its header does not fit")
    try:
        header = msgspec.json.decode(raw[8 : 8 + length], type=Header)
        facts = msgspec.json.decode(header.metadata.get("vonglau", ""), type=Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _no_model(path, str(error)) from error
    if wrong := _wrong(facts):
        raise _no_model(path, wrong)
    body = memoryview(raw)[8 + length :]
    weights = _array(path, body, header.weights, "F16", (len(facts.codes), SIZE))
    bias = _array(path, body, header.bias, "F32", (len(facts.codes),))
    scale = None if header.scale is None else _array(path, body, header.scale, "F16", (SIZE,))
    return Model(facts, weights, bias, scale)


def _wrong(facts: Facts) -> str:
    if facts.format != FORMAT:
        return f"format {facts.format!r}, this program reads {FORMAT!r}"
    if not 2 <= len(facts.codes) <= CATEGORIES_LIMIT or len(set(facts.codes)) != len(facts.codes):
        return f"{len(facts.codes)} categories, or one twice"
    if facts.blocks not in {1, 2, 3}:
        return f"{facts.blocks} blocks of features"
    if not (0 < facts.temperature < 1e3 and 0 <= facts.threshold <= 1):
        return "temperature or threshold out of range"
    return ""


def _array(path: Path, body: memoryview, tensor: Tensor, kind: str, shape: tuple[int, ...]) -> Floats:
    start, end = tensor.data_offsets
    dtype = TYPES[kind]
    size = int(np.prod(shape)) * dtype.itemsize
    if tensor.dtype != kind or tensor.shape != shape or not 0 <= start <= end <= len(body) or end - start != size:
        raise _no_model(path, f"an array is {tensor.dtype} {tensor.shape} where {kind} {shape} must be")
    found: Floats = np.frombuffer(body[start:end], dtype=dtype.str).reshape(shape).astype(np.float32)
    if not np.isfinite(found).all():
        raise _no_model(path, "it holds a number that is not finite")
    return found
