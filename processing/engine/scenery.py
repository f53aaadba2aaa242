"""What a film says round one of its faces, whoever is drawn there later: uncut runs, light, grain, and some crops of each run.

It depends on the film alone, so it is measured once. Light is kept as statistics of the skin in each frame, from which a tone in
any linear colour space follows; they are raw, and whoever uses them smooths them along a shot as much as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine.arrays import Floats, Image
from processing.engine.canonical import CROP_SIZE, FOREHEAD, apply, crop_matrix, hull_mask, invert, resized, warp

# Side in pixels of the crop in which light is measured, and how far from the outline, where hair and background would tint the
# skin.
MEASURED_AT, INSIDE = 96, 3
# A crop of each shot is kept so often, and at least so many of one.
SAMPLE_EVERY_S, FEWEST_SAMPLES = 0.4, 4
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Scenery:
    """Of a film of T frames, round one face. Where the face is absent, light is zero.

    matrix: float32 (T, 2, 3), picture to standard crop. shots: int64 (T,), number of the uncut run. mean: float32 (T, 3), RGB of
    the skin, 0..1. covariance: float32 (T, 3, 3) of the same. lab: float32 (T, 2, 3), mean and deviation of its CIELAB, L in
    0..100. sampled: int64 (K,), frames of which a crop is kept, rising. samples: K JPEGs of the standard crop, CROP_SIZE wide.
    grain: float32 (K,), deviation of the picture's noise on the face in them, grey levels.
    """

    matrix: Floats
    shots: NDArray[np.int64]
    mean: Floats
    covariance: Floats
    lab: Floats
    sampled: NDArray[np.int64]
    samples: list[bytes]
    grain: Floats

    def sample(self, number: int, size: int) -> Image:
        """Kept crop `number` (0..K-1), uint8 (size, size, 3)."""
        picture = cv2.imdecode(np.frombuffer(self.samples[number], np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("this stored crop is damaged: it is no JPEG")
        crop = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
        how = cv2.INTER_AREA if size < CROP_SIZE else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(crop, (size, size), interpolation=how), np.uint8)


def dump_scenery(scenery: Scenery) -> dict[str, NDArray[np.generic]]:
    """As arrays, for an .npz; samples as bytes one behind the other, and their lengths."""
    arrays: dict[str, NDArray[np.generic]] = {
        field.name: getattr(scenery, field.name) for field in fields(Scenery) if field.name != "samples"
    }
    arrays["sample_bytes"] = np.frombuffer(b"".join(scenery.samples), np.uint8)
    arrays["sample_lengths"] = np.array([len(sample) for sample in scenery.samples], np.int64)
    return arrays


def load_scenery(arrays: Mapping[str, NDArray[Any]]) -> Scenery:
    """The inverse of `dump_scenery`. Raises KeyError where an array is missing."""
    lengths, joined = arrays["sample_lengths"], arrays["sample_bytes"].tobytes()
    ends = np.cumsum(lengths)
    samples = [joined[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
    kept = {field.name: arrays[field.name] for field in fields(Scenery) if field.name != "samples"}
    return Scenery(samples=samples, **kept)


class SceneryMeter:
    """Measures a film frame by frame; of a picture nothing is kept but a crop now and then.

    landmarks: float32 (T, 468, 3) px, smoothed; NaN without a face. rate: frames a second. cuts: int (T,), number of the shot
    of each frame as the pictures tell; without it cuts are told by the face alone.
    """

    def __init__(self, landmarks: Floats, rate: float, cuts: NDArray[np.integer] | None = None) -> None:
        self._landmarks = landmarks
        self._has_face = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)), np.bool_)
        self._shots = find_shots(landmarks, self._has_face, cuts)
        self._sampled = choose_samples(self._shots, self._has_face, rate)
        self._wanted = set(self._sampled.tolist())
        self._samples: dict[int, tuple[bytes, float]] = {}
        count = len(landmarks)
        self._matrix = np.zeros((count, 2, 3), np.float32)
        self._mean = np.zeros((count, 3), np.float32)
        self._covariance = np.zeros((count, 3, 3), np.float32)
        self._lab = np.zeros((count, 2, 3), np.float32)
        self._seen = 0

    def add(self, image: Image) -> None:
        """The next frame, uint8 (H, W, 3); what comes after the last landmarks is passed over."""
        index, self._seen = self._seen, self._seen + 1
        if index >= len(self._landmarks) or not self._has_face[index]:
            return
        points = self._landmarks[index]
        self._matrix[index] = matrix = crop_matrix(points)
        small = resized(matrix, MEASURED_AT)
        crop = warp(image, small, MEASURED_AT)
        hull = hull_mask(apply(small, points), MEASURED_AT, FOREHEAD)
        self._mean[index], self._covariance[index] = rgb_statistics(crop, hull)
        self._lab[index] = lab_statistics(crop, skin_of(hull))
        if index in self._wanted:
            full = cv2.cvtColor(warp(image, matrix, CROP_SIZE), cv2.COLOR_RGB2BGR)
            _, data = cv2.imencode(".jpg", full, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            self._samples[index] = data.tobytes(), grain_on_face(image, points)

    def finish(self) -> Scenery:
        """What was measured. Raises ValueError where fewer frames came than there are landmarks."""
        if self._seen < len(self._landmarks):
            raise ValueError(f"{len(self._landmarks)} frames were announced and only {self._seen} came.")
        kept = [self._samples[index] for index in self._sampled.tolist()]
        return Scenery(
            matrix=self._matrix,
            shots=self._shots,
            mean=self._mean,
            covariance=self._covariance,
            lab=self._lab,
            sampled=self._sampled,
            samples=[crop for crop, _ in kept],
            grain=np.array([noise for _, noise in kept], np.float32),
        )


def measure_scenery(frames: Iterable[Image], landmarks: Floats, rate: float) -> Scenery:
    """`SceneryMeter` over all frames of a film."""
    meter = SceneryMeter(landmarks, rate)
    for _, image in zip(range(len(landmarks)), frames, strict=False):
        meter.add(image)
    return meter.finish()


def find_shots(landmarks: Floats, has_face: NDArray[np.bool_], cuts: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
    """Number the uncut runs of a face, (T,): a cut is where the picture is cut, or the face is gone, or has leapt by half its
    width."""
    shots = np.zeros(len(landmarks), np.int64)
    for index in range(1, len(landmarks)):
        shots[index] = shots[index - 1]
        if cuts is not None and cuts[index] != cuts[index - 1]:
            shots[index] += 1
        elif not has_face[index] or not has_face[index - 1]:
            shots[index] += has_face[index] and not has_face[index - 1]
        else:
            before, after = landmarks[index - 1, :, :2], landmarks[index, :, :2]
            width = max(float(np.ptp(before[:, 0])), 1.0)
            shots[index] += bool(np.linalg.norm(after.mean(0) - before.mean(0)) > width / 2)
    return shots


def choose_samples(shots: NDArray[np.int64], has_face: NDArray[np.bool_], rate: float) -> NDArray[np.int64]:
    """Frames with a face, spread evenly over each shot, (K,)."""
    chosen = []
    rows = np.flatnonzero(has_face)
    for shot in np.unique(shots[rows]):
        own = rows[shots[rows] == shot]
        count = max(FEWEST_SAMPLES, round(len(own) / max(1.0, SAMPLE_EVERY_S * rate)))
        chosen.append(own[np.unique(np.linspace(0, len(own) - 1, count).round().astype(int))])
    return np.concatenate(chosen).astype(np.int64) if chosen else np.zeros(0, np.int64)


def skin_of(hull: Image) -> Image:
    """A hull mask without its rim: uint8 (S, S), S any size."""
    reach = 2 * round(INSIDE * hull.shape[0] / MEASURED_AT) + 1
    return np.asarray(cv2.erode(hull, np.ones((reach, reach), np.uint8)), np.uint8)


def rgb_statistics(crop: Image, mask: Image) -> tuple[Floats, Floats]:
    """Mean (3,) and covariance (3, 3) of RGB in 0..1 where mask is over 127; of the whole crop where it nowhere is."""
    inside = mask > 127
    pixels = (crop[inside] if inside.any() else crop.reshape(-1, 3)).astype(np.float32) / 255.0
    mean = pixels.mean(axis=0)
    off = pixels - mean
    return mean, (off.T @ off / len(off)).astype(np.float32)


def lab_statistics(crop: Image, mask: Image) -> Floats:
    """Mean and deviation of CIELAB where mask is over 127, float32 (2, 3); of the whole crop where it nowhere is."""
    inside = mask > 127
    pixels = (crop[inside] if inside.any() else crop.reshape(-1, 3)).astype(np.float32) / 255.0
    lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0]
    return np.stack([lab.mean(axis=0), lab.std(axis=0)]).astype(np.float32)


def grain_on_face(image: Image, landmarks: Floats) -> float:
    """Deviation in grey levels of the noise on a face of a picture; skin without texture and noise has 0.

    image: uint8 (H, W, 3). landmarks: (468, 3) px.
    """
    matrix = crop_matrix(landmarks, MEASURED_AT)
    hull = skin_of(hull_mask(apply(matrix, landmarks), MEASURED_AT, FOREHEAD))
    left, top, wide, high = cv2.boundingRect(hull)
    corners = apply(
        invert(matrix),
        np.array([[left, top], [left + wide, top], [left, top + high], [left + wide, top + high]], np.float32),
    )
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int), (image.shape[1], image.shape[0]))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return 0.0
    back = invert(matrix)
    back[:, 2] -= (x0, y0)
    mask = cv2.warpAffine(hull, back, (int(x1 - x0), int(y1 - y0)))
    return grain_of(image[y0:y1, x0:x1], np.asarray(mask, np.uint8))


# What remains of a picture under this kernel is noise: it is blind to planes and to straight edges along its axes.
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def grain_of(picture: Image, mask: Image) -> float:
    """Deviation of the noise of the lightness (Immerkaer 1996, with the median for the mean, which edges hardly move).

    picture: uint8 (H, W, 3). mask: uint8 (H, W), where it is over 127 noise is measured. -> grey levels; 0 where mask is empty.
    """
    inside = mask > 127
    if not inside.any():
        return 0.0
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rest = np.abs(cv2.filter2D(grey, cv2.CV_32F, _NOISE))
    return float(np.median(rest[inside]) / (0.6745 * 6.0))
