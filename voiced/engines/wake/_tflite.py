"""A small, checked door to TensorFlow Lite's C interface, for wake-word models.

The wheels of pymicro-wakeword and pyopen-wakeword carry the library. Their own wrappers ignore
every status, so that a damaged model ends the process with a segmentation fault (29 of 30 damaged
files did, tried here); here each call is checked and becomes a `ModelError` or `EngineError`.
"""

from __future__ import annotations

import ctypes as c
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from voiced.errors import EngineError, ModelError

FILE_IDENTIFIER: Final = b"TFL3"
"""Bytes 4 to 8 of every TensorFlow Lite file of schema 3, the only one in use."""

_DTYPES: Final[dict[int, Any]] = {1: np.float32, 3: np.uint8, 9: np.int8}
"""TfLiteType -> numpy: the element types that wake-word models have at their ends."""

_REPORTER: Final = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p, c.c_void_p)


class _Quantization(c.Structure):
    _fields_ = (("scale", c.c_float), ("zero_point", c.c_int32))


def package_folder(package: str, distribution: str) -> Path:
    """The folder of an installed `package`, without importing it. Raises `ModelError`."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"{distribution} is not installed: pip install {distribution}")
    return Path(spec.submodule_search_locations[0])


def load_library(folder: Path) -> c.CDLL:
    """Load the TensorFlow Lite library in `folder`/lib. Raises `ModelError`."""
    found = sorted((folder / "lib").glob("*tensorflowlite_c.*"))
    if not found:
        raise ModelError(f"no TensorFlow Lite library for this machine in {folder / 'lib'}")
    try:
        library = c.CDLL(str(found[0]))
    except OSError as error:
        raise ModelError(f"TensorFlow Lite does not load on this machine: {error}") from error
    pointer, integer = c.c_void_p, c.c_int32
    for name, result, arguments in (
        ("ModelCreateFromFileWithErrorReporter", pointer, (c.c_char_p, _REPORTER, pointer)),
        ("ModelDelete", None, (pointer,)),
        ("InterpreterOptionsCreate", pointer, ()),
        ("InterpreterOptionsDelete", None, (pointer,)),
        ("InterpreterOptionsSetNumThreads", None, (pointer, integer)),
        ("InterpreterOptionsSetErrorReporter", None, (pointer, _REPORTER, pointer)),
        ("InterpreterOptionsAddDelegate", None, (pointer, pointer)),
        ("XNNPackDelegateCreate", pointer, (pointer,)),
        ("XNNPackDelegateDelete", None, (pointer,)),
        ("InterpreterCreate", pointer, (pointer, pointer)),
        ("InterpreterDelete", None, (pointer,)),
        ("InterpreterResizeInputTensor", integer, (pointer, integer, c.POINTER(integer), integer)),
        ("InterpreterAllocateTensors", integer, (pointer,)),
        ("InterpreterInvoke", integer, (pointer,)),
        ("InterpreterGetInputTensorCount", integer, (pointer,)),
        ("InterpreterGetOutputTensorCount", integer, (pointer,)),
        ("InterpreterGetInputTensor", pointer, (pointer, integer)),
        ("InterpreterGetOutputTensor", pointer, (pointer, integer)),
        ("TensorNumDims", integer, (pointer,)),
        ("TensorDim", integer, (pointer, integer)),
        ("TensorType", integer, (pointer,)),
        ("TensorQuantizationParams", _Quantization, (pointer,)),
        ("TensorCopyFromBuffer", integer, (pointer, pointer, c.c_size_t)),
        ("TensorCopyToBuffer", integer, (pointer, pointer, c.c_size_t)),
    ):
        try:
            function = getattr(library, f"TfLite{name}")
        except AttributeError as error:
            raise ModelError(f"{found[0]} is another TensorFlow Lite: {error}") from error
        function.restype, function.argtypes = result, list(arguments)
    return library


class TfLiteModel:
    """One loaded model with one input and one output, on one thread.

    `input_shape` and `output_shape` are the tensors' shapes. Not thread-safe.
    """

    def __init__(
        self, library: c.CDLL, path: Path, *, resize: Sequence[int] = (), xnnpack: bool = False
    ) -> None:
        """Load `path`, with its input resized to `resize` where given.

        `xnnpack` runs floating-point layers through the XNNPACK kernels. Raises `ModelError`.
        """
        self._lib = library
        self._path = path
        self._resize = tuple(resize)
        self._model: int | None = None
        self._options: int | None = None
        self._delegate: int | None = None
        self._interpreter: int | None = None
        # Kept here because the library calls it for as long as the model lives.
        self._silent = _REPORTER(lambda *_: None)
        _check_file(path)
        try:
            self._load(xnnpack=xnnpack)
            self._build()
        except ModelError:
            self.close()
            raise

    def _load(self, *, xnnpack: bool) -> None:
        lib = self._lib
        self._model = lib.TfLiteModelCreateFromFileWithErrorReporter(
            str(self._path).encode(), self._silent, None
        )
        self._options = lib.TfLiteInterpreterOptionsCreate()
        if not self._model or not self._options:
            raise self._damaged()
        lib.TfLiteInterpreterOptionsSetNumThreads(self._options, 1)
        lib.TfLiteInterpreterOptionsSetErrorReporter(self._options, self._silent, None)
        if xnnpack:
            self._delegate = lib.TfLiteXNNPackDelegateCreate(None)
            if self._delegate:
                lib.TfLiteInterpreterOptionsAddDelegate(self._options, self._delegate)

    def _build(self) -> None:
        lib = self._lib
        self._interpreter = lib.TfLiteInterpreterCreate(self._model, self._options)
        if not self._interpreter:
            raise self._damaged()
        if (
            lib.TfLiteInterpreterGetInputTensorCount(self._interpreter) != 1
            or lib.TfLiteInterpreterGetOutputTensorCount(self._interpreter) != 1
        ):
            raise ModelError(
                f"{self._path} is no wake-word model: it has several inputs or outputs"
            )
        if self._resize:
            shape = (c.c_int32 * len(self._resize))(*self._resize)
            if lib.TfLiteInterpreterResizeInputTensor(
                self._interpreter, 0, shape, len(self._resize)
            ):
                raise self._damaged()
        if lib.TfLiteInterpreterAllocateTensors(self._interpreter):
            raise self._damaged()
        self._input = lib.TfLiteInterpreterGetInputTensor(self._interpreter, 0)
        self._output = lib.TfLiteInterpreterGetOutputTensor(self._interpreter, 0)
        if not self._input or not self._output:
            raise self._damaged()
        self.input_shape, self._in_type, self._in_quant = self._describe(self._input)
        self.output_shape, self._out_type, self._out_quant = self._describe(self._output)

    def _describe(self, tensor: int) -> tuple[tuple[int, ...], Any, _Quantization]:
        lib = self._lib
        dimensions = lib.TfLiteTensorNumDims(tensor)
        shape = tuple(lib.TfLiteTensorDim(tensor, i) for i in range(dimensions))
        dtype = _DTYPES.get(lib.TfLiteTensorType(tensor))
        quantization = lib.TfLiteTensorQuantizationParams(tensor)
        if dtype is None or (dtype is not np.float32 and not quantization.scale > 0):
            raise ModelError(f"{self._path} is no wake-word model: its numbers are of another type")
        return shape, dtype, quantization

    def _damaged(self) -> ModelError:
        return ModelError(f"{self._path} is damaged or no TensorFlow Lite model: fetch it again")

    def run(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The output for `values` (shape `input_shape`), as real numbers of shape `output_shape`.

        Raises `EngineError`.
        """
        if values.size != np.prod(self.input_shape):
            raise EngineError(f"{self._path.name} takes {self.input_shape}, not {values.shape}")
        given = values
        if self._in_type is not np.float32:
            limits = np.iinfo(self._in_type)
            scaled = np.round(values / self._in_quant.scale + self._in_quant.zero_point)
            given = np.clip(scaled, limits.min, limits.max)
        given = np.ascontiguousarray(given, dtype=self._in_type)
        taken = np.empty(self.output_shape, dtype=self._out_type)
        lib = self._lib
        if (
            lib.TfLiteTensorCopyFromBuffer(self._input, given.ctypes.data, given.nbytes)
            or lib.TfLiteInterpreterInvoke(self._interpreter)
            or lib.TfLiteTensorCopyToBuffer(self._output, taken.ctypes.data, taken.nbytes)
        ):
            raise EngineError(f"{self._path.name} failed while it ran")
        if self._out_type is np.float32:
            return taken
        real: npt.NDArray[np.float32] = (
            taken.astype(np.float32) - self._out_quant.zero_point
        ) * np.float32(self._out_quant.scale)
        return real

    def reset(self) -> None:
        """Forget the state of a streaming model.

        The state lies in resource variables, which only a new interpreter clears. The file stays
        open, so that this takes 0.1 ms.
        """
        self._lib.TfLiteInterpreterDelete(self._interpreter)
        self._interpreter = None
        self._build()

    def close(self) -> None:
        """Free the model. May be called twice."""
        for delete, name in (
            (self._lib.TfLiteInterpreterDelete, "_interpreter"),
            (self._lib.TfLiteInterpreterOptionsDelete, "_options"),
            (self._lib.TfLiteXNNPackDelegateDelete, "_delegate"),
            (self._lib.TfLiteModelDelete, "_model"),
        ):
            pointer = getattr(self, name)
            setattr(self, name, None)
            if pointer:
                delete(pointer)


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    if head[4:8] != FILE_IDENTIFIER:
        raise ModelError(f"{path} is not a TensorFlow Lite model")
