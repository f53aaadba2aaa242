"""How good a twin is, tried on faces that it never saw."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from processing.engine.canonical import apply, canonical_face, crop_matrix
from processing.engine.identity import embed
from processing.engine.mesh import FaceMesh

from .checkpoint import load_weights
from .device import choose_device
from .faceset import FaceSet, split_heldout
from .network import SIDES, Side, TwinNetwork
from .perceptual import perceptual_distance
from .preview import rebuild
from .quality import mean_distance

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]

# The side at which faces are compared, so that twins of any size stand on one scale.
COMPARED_SIZE = 128
# Faces of each side: enough for two digits of a mean. An embedding takes some 80 ms.
_SEEN, _EMBEDDED = 48, 12


def measure_twin(
    weights: bytes, subject: FaceSet, library: FaceSet, device: torch.device | str | None = None
) -> dict[str, float | None]:
    """What a training's weights make of the faces that it held back, the same ones for the same sets.

    subject, library: as the training was given them. -> heldout_perceptual_subject, heldout_perceptual_library:
    `perceptual_distance` at 128 px of a face from what its own decoder rebuilds, the picture round the face left out.
    heldout_rebuilt_to_subject: mean dlib distance of rebuilt faces of the subject from true ones.
    heldout_swapped_to_subject, heldout_swapped_to_actor: the same of the library's faces put into the subject, from true
    faces of either. dlib's embedding sorts the faces that are learned from, but is no part of what a training strives for.
    None where nothing was held back.
    """
    where = choose_device(device)
    before = torch.get_num_threads()
    # a handful of small pictures: more threads only wait for each other
    torch.set_num_threads(1)
    try:
        return _measure(load_weights(weights).to(where).eval(), subject, library, where)
    finally:
        torch.set_num_threads(before)


def _measure(network: TwinNetwork, subject: FaceSet, library: FaceSet, device: torch.device) -> dict[str, float | None]:
    config = network.config
    heldout: dict[Side, FaceSet] = {
        side: _some(split_heldout(full.resized(config.size), config.heldout)[1], _SEEN)
        for side, full in zip(SIDES, (subject, library), strict=True)
    }
    measures: dict[str, float | None] = {
        f"heldout_perceptual_{side}": _perceptual(network, heldout[side], side, device) for side in SIDES
    }
    return measures | _identity(network, {side: _some(heldout[side], _EMBEDDED) for side in SIDES}, device)


def measure_refreshed(
    weights: bytes, library: FaceSet, subject: Floats, device: torch.device | str | None = None
) -> dict[str, float | None]:
    """What can be measured again without a face of the subject.

    library: with what is held out. subject: float32 (N, 128), embeddings of true faces. -> heldout_perceptual_library,
    heldout_swapped_to_subject, heldout_swapped_to_actor as `measure_twin` gives them; None where nothing was held back, or no
    embedding is known.
    """
    where = choose_device(device)
    network = load_weights(weights).to(where).eval()
    size = network.config.size
    heldout = _some(split_heldout(library.resized(size), network.config.heldout)[1], _SEEN)
    measures: dict[str, float | None] = {"heldout_perceptual_library": _perceptual(network, heldout, "library", where)}
    names = ("heldout_swapped_to_subject", "heldout_swapped_to_actor")
    if not len(heldout) or not len(subject):
        return measures | dict.fromkeys(names)
    faces = _some(heldout, _EMBEDDED)
    find = _finder(size)
    points = [find(image) for image in faces.images]
    drawn = rebuild(network, faces, ("subject",), where)["subject"]
    swapped = _embedded(_on_its_picture(drawn, faces), points)
    distances = mean_distance(swapped, subject), mean_distance(swapped, _embedded(faces.images, points))
    return measures | dict(zip(names, distances, strict=True))


def _some(faces: FaceSet, count: int) -> FaceSet:
    if not len(faces):
        return faces
    return faces.take(np.unique(np.linspace(0, len(faces) - 1, count).round().astype(int)))


def _perceptual(network: TwinNetwork, faces: FaceSet, side: Side, device: torch.device) -> float | None:
    if not len(faces):
        return None
    shown = _on_its_picture(rebuild(network, faces, (side,), device)[side], faces)
    return perceptual_distance(_sized(shown), _sized(faces.images))


def _identity(network: TwinNetwork, faces: dict[Side, FaceSet], device: torch.device) -> dict[str, float | None]:
    names = ("heldout_rebuilt_to_subject", "heldout_swapped_to_subject", "heldout_swapped_to_actor")
    if not all(len(faces[side]) for side in SIDES):
        return dict.fromkeys(names)
    find = _finder(network.config.size)
    points = {side: [find(image) for image in faces[side].images] for side in SIDES}
    true = {side: _embedded(faces[side].images, points[side]) for side in SIDES}
    drawn = {side: rebuild(network, faces[side], ("subject",), device)["subject"] for side in SIDES}
    rebuilt = _embedded(_on_its_picture(drawn["subject"], faces["subject"]), points["subject"])
    swapped = _embedded(_on_its_picture(drawn["library"], faces["library"]), points["library"])
    distances = (
        mean_distance(rebuilt, true["subject"]),
        mean_distance(swapped, true["subject"]),
        mean_distance(swapped, true["library"]),
    )
    return dict(zip(names, distances, strict=True))


def _on_its_picture(drawn: Images, faces: FaceSet) -> Images:
    """What was drawn where the face is, and the true picture round it, as in a film."""
    soft = np.stack([cv2.GaussianBlur(mask, (0, 0), mask.shape[0] / 48) for mask in faces.masks])[..., None] / 255.0
    return np.round(faces.images * (1.0 - soft) + drawn * soft).astype(np.uint8)


def _sized(pictures: Images) -> Images:
    how = cv2.INTER_AREA if pictures.shape[1] > COMPARED_SIZE else cv2.INTER_CUBIC
    return np.stack([cv2.resize(one, (COMPARED_SIZE, COMPARED_SIZE), interpolation=how) for one in pictures]).astype(np.uint8)


def _finder(size: int) -> Callable[[Images], Floats]:
    """Finds the mesh in a crop `size` pixels wide; where none is found, a mean face lies as every face in a crop does."""
    flat = (canonical_face().points * [1, -1, 1]).astype(np.float32)
    mean = apply(crop_matrix(flat * 10, size), flat * 10)
    mesh = FaceMesh()

    def find(image: Images) -> Floats:
        found = mesh.landmarks(image, mean)
        return mean if found is None else found.points

    return find


def _embedded(pictures: Images, points: list[Floats]) -> Floats:
    return np.stack([embed(picture, landmarks) for picture, landmarks in zip(pictures, points, strict=True)])
