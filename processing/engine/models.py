"""Google's models of faces and people (Apache-2.0), run by LiteRT straight from the npm packages that the browser uses too."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from processing.engine.arrays import Floats

DETECTOR_SHORT = "face_detection_short_range.tflite"
DETECTOR_FULL = "face_detection_full_range.tflite"
MESH = "face_landmark.tflite"
SEGMENTATION = "selfie_segmentation.tflite"
GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"

_DETECTORS = Path("@mediapipe/face_detection")
_SEGMENTATION = Path("@mediapipe/selfie_segmentation")
_MESH_ASSETS = Path("@mediapipe/face_mesh/face_mesh_solution_packed_assets.data")
_MESH_LOADER = Path("@mediapipe/face_mesh/face_mesh_solution_packed_assets_loader.js")


class ModelsMissing(RuntimeError):
    """A model file is not where npm puts it; the message says what to type."""


def node_modules() -> Path:
    """The folder of npm packages: TWINVAULT_NODE_MODULES, else node_modules beside the code."""
    named = os.environ.get("TWINVAULT_NODE_MODULES")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "node_modules"


@cache
def model_bytes(name: str) -> bytes:
    """Content of one model file by its name. Raises ModelsMissing."""
    if name in (DETECTOR_SHORT, DETECTOR_FULL):
        return _read(_DETECTORS / name)
    if name == SEGMENTATION:
        return _read(_SEGMENTATION / name)
    start, end = _packed_assets()[name]
    return _read(_MESH_ASSETS)[start:end]


def _read(path: Path) -> bytes:
    try:
        return (node_modules() / path).read_bytes()
    except FileNotFoundError as error:
        raise ModelsMissing(
            f"The face models are not installed: {node_modules() / path} is missing. Type `npm ci` in the project's "
            "folder, or set TWINVAULT_NODE_MODULES to the folder that holds the npm packages."
        ) from error


def _packed_assets() -> dict[str, tuple[int, int]]:
    """File name -> (start, end) in the packed assets, as the package's own loader lists them."""
    loader = _read(_MESH_LOADER).decode()
    found = re.search(r"loadPackage\((\{.*?\})\)", loader, re.DOTALL)
    if found is None:
        raise ModelsMissing(f"{_MESH_LOADER} lists no files; type `npm ci` to install the pinned version.")
    return {Path(f["filename"]).name: (f["start"], f["end"]) for f in json.loads(found.group(1))["files"]}


class Model:
    """One LiteRT network with one picture in and some tensors out. Not for use by two threads at once."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self._interpreter: Any = Interpreter(model_content=model_bytes(name), num_threads=threads)
        self._interpreter.allocate_tensors()
        entry = self._interpreter.get_input_details()[0]
        self._input = entry["index"]
        self.size = int(entry["shape"][1])
        self._outputs = [out["index"] for out in self._interpreter.get_output_details()]

    def __call__(self, picture: Floats) -> list[Floats]:
        """picture: float32 (size, size, 3) in the network's own range -> its outputs, in its own order."""
        self._interpreter.set_tensor(self._input, picture[np.newaxis])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
