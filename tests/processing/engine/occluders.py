"""Things drawn before faces, and things that only look so: shadows, thin frames, beards.

`python -m tests.processing.engine.occluders` draws each of them over the faces of the sample clips and says how often
the measure of occlusion sees it.
"""

import sys
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import skimage.data

from processing.engine.canonical import apply, canonical_face, crop_matrix, invert, warp
from processing.engine.categories import AXES
from processing.engine.descriptors import describe
from processing.engine.detection import FaceDetector
from processing.engine.media import read_frames
from processing.engine.mesh import FaceMesh
from processing.engine.skin import LIPS, spots
from tests.conftest import CLIPS

CANVAS = 512
OVER_JAW = [323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93]
UNDER_EYES = [234, 227, 116, 117, 118, 101, 36, 198, 195, 419, 266, 330, 347, 346, 345, 447, 454]
BEARD = [177, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 401, 435, 416, 434, 432, 287]
BEARD += [410, 391, 393, 164, 167, 165, 186, 57, 212, 214, 192, 215]

Layer = tuple[np.ndarray, np.ndarray]  # float32 (CANVAS, CANVAS, 3) colours and (CANVAS, CANVAS) opacity
Drawing = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _laid_over(image: np.ndarray, points: np.ndarray, layer: Layer, rng: np.random.Generator) -> np.ndarray:
    """The picture with a layer over its face, as sharp as the picture is, and with some noise of its own."""
    back = invert(crop_matrix(points, CANVAS))
    scale = float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
    colours, opacity = (cv2.GaussianBlur(part, (0, 0), max(0.1, 0.4 / scale - 0.3)) for part in layer)
    size = image.shape[1::-1]
    share = cv2.warpAffine(opacity, back, size)[..., None]
    mixed = image * (1 - share) + cv2.warpAffine(colours, back, size) * share
    return np.clip(mixed + rng.normal(0, 2, image.shape) * (share > 0.01), 0, 255).astype(np.uint8)


def _on_canvas(points: np.ndarray) -> np.ndarray:
    return apply(crop_matrix(points, CANVAS), points)[:, :2]


def _filled(shapes: list[np.ndarray], colour: np.ndarray, rng: np.random.Generator, grain: float = 5) -> Layer:
    opacity = np.zeros((CANVAS, CANVAS), np.float32)
    for outline in shapes:
        cv2.fillPoly(opacity, [np.round(outline).astype(np.int32)], 1.0, cv2.LINE_AA)
    colours = np.asarray(colour, np.float32) + rng.normal(0, grain, (CANVAS, CANVAS, 1)).astype(np.float32)
    return colours, cv2.GaussianBlur(opacity, (0, 0), 1.2)


def _ellipse(centre: np.ndarray, across: float, down: float, turn: float = 0) -> np.ndarray:
    return np.array(cv2.ellipse2Poly(tuple(int(v) for v in centre), (int(across), int(down)), int(turn), 0, 360, 6))


def _between_eyes(at: np.ndarray) -> float:
    return float(np.linalg.norm(at[33] - at[263]))


def hand(over: list[int]) -> Drawing:
    """Four fingers and a palm in the colour of the face's own skin, a little darker or redder."""

    def draw(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        small = warp(image, crop_matrix(points, 96), 96)
        where = np.clip(np.rint(apply(crop_matrix(points, 96), spots().of(points))[spots().skin, :2]), 0, 95).astype(int)
        skin = np.median(small[where[:, 1], where[:, 0]], axis=0)
        tint = skin * rng.uniform(0.75, 1.15) * [1, rng.uniform(0.94, 1.05), rng.uniform(0.92, 1.08)]
        centre = _on_canvas(points)[over].mean(axis=0) + rng.normal(0, 8, 2)
        angle = rng.uniform(0.4, np.pi - 0.4)
        along, beside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        wide = rng.uniform(16, 22)
        y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
        colours, opacity = np.zeros((CANVAS, CANVAS, 3), np.float32), np.zeros((CANVAS, CANVAS), np.float32)
        for finger in range(4):
            tip = centre + beside * (finger - 1.5) * wide * 1.75 - along * rng.uniform(40, 75)
            reach = np.clip((x - tip[0]) * along[0] + (y - tip[1]) * along[1], 0, 130)
            off = np.hypot(x - tip[0] - reach * along[0], y - tip[1] - reach * along[1]) / (wide * 0.88)
            inside = off < 1
            colours[inside] = tint * (np.sqrt(1 - 0.8 * off[inside] ** 2) * 0.45 + 0.6)[:, None]
            opacity[inside] = 1
        palm = centre + along * 110
        across = ((x - palm[0]) * beside[0] + (y - palm[1]) * beside[1]) / (wide * 3.4)
        off = np.hypot(across, ((x - palm[0]) * along[0] + (y - palm[1]) * along[1]) / 70)
        inside = (off < 1) & (opacity == 0)
        colours[inside] = tint * (1.02 - 0.25 * off[inside, None] ** 2)
        opacity[inside] = 1
        return _laid_over(image, points, (colours, opacity), rng)

    return draw


def dark_glasses(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    at = _on_canvas(points)
    unit, slope = _between_eyes(at), np.rad2deg(np.arctan2(*(at[263] - at[33])[::-1]))
    eyes = ((at[33] + at[133]) / 2, (at[362] + at[263]) / 2)
    lenses = [_ellipse(eye + np.array([0, unit * 0.05]), unit * 0.28, unit * 0.23, slope) for eye in eyes]
    return _laid_over(image, points, _filled(lenses, rng.uniform(5, 45) * np.ones(3), rng, 2), rng)


def mask(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    colour = [(150, 185, 205), (235, 235, 235), (25, 25, 28), (90, 120, 90), (170, 60, 60)][rng.integers(5)]
    outline = _on_canvas(points)[UNDER_EYES + OVER_JAW]
    return _laid_over(image, points, _filled([outline], np.array(colour), rng), rng)


def hair_over_an_eye(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    at, mirror = _on_canvas(points), canonical_face().mirror
    top, rest = [10, 109, 67, 103, 54, 21], [234, 205, 133]
    if rng.random() < 0.5:
        top, rest = [int(mirror[point]) for point in top], [int(mirror[point]) for point in rest]
    colour = [(40, 28, 20), (25, 22, 22), (110, 80, 50), (150, 120, 80)][rng.integers(4)]
    outline = np.vstack([at[top] - [0, 30], at[rest]])
    return _laid_over(image, points, _filled([outline], np.array(colour), rng, 14), rng)


def microphone(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    at = _on_canvas(points)
    unit, head = _between_eyes(at), at[[14, 17][rng.integers(2)]] + rng.normal(0, 8, 2)
    handle = head + unit * np.array([[-0.12, 0], [0.12, 0], [0.3, 1.6], [-0.05, 1.6]])
    shapes = [_ellipse(head, unit * 0.28, unit * 0.3), handle]
    return _laid_over(image, points, _filled(shapes, rng.uniform(10, 60) * np.ones(3), rng, 12), rng)


def nothing(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


def shadow(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Part of the face, mostly one side, in much less light, with a hard or soft edge."""
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    centre = _on_canvas(points)[4] + rng.normal(0, 25, 2)
    angle = rng.uniform(-0.5, 0.5) + (0 if rng.random() < 0.7 else np.pi / 2)
    off = ((x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)) * rng.choice([-1, 1])
    left = rng.uniform(0.15, 0.45)
    share = left + (1 - left) / (1 + np.exp(-off / rng.uniform(3, 40)))
    back = invert(crop_matrix(points, CANVAS))
    dimmed = cv2.warpAffine(share.astype(np.float32), back, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return (255 * ((image / 255.0) ** 2.2 * dimmed[..., None]) ** (1 / 2.2)).astype(np.uint8)


def thin_frames(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    at = _on_canvas(points)
    unit, wide = _between_eyes(at), int(rng.integers(3, 8))
    right, left = (at[33] + at[133]) / 2, (at[362] + at[263]) / 2
    opacity = np.zeros((CANVAS, CANVAS), np.float32)
    for eye in (right, left):
        outline = _ellipse(eye + np.array([0, unit * 0.05]), unit * 0.25, unit * 0.2)
        cv2.polylines(opacity, [outline], True, 1.0, wide, cv2.LINE_AA)
    reach = np.array([unit * 0.25, 0])
    ends = [tuple(int(v) for v in end) for end in (right + reach, left - reach)]
    cv2.line(opacity, *ends, 1.0, wide, cv2.LINE_AA)
    colours = np.full((CANVAS, CANVAS, 3), rng.uniform(10, 80), np.float32)
    return _laid_over(image, points, (colours, opacity), rng)


def beard(image: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    at = np.round(_on_canvas(points)).astype(np.int32)
    dense = np.zeros((CANVAS, CANVAS), np.float32)
    cv2.fillPoly(dense, [cv2.convexHull(at[BEARD])], 1.0)
    cv2.fillPoly(dense, [at[list(LIPS)]], 0.0)
    cv2.fillPoly(dense, [cv2.convexHull(at[[205, 50, 203, 1, 423, 425, 2, 326, 97]])], 0.0)
    dense = cv2.GaussianBlur(dense, (0, 0), 5) * rng.uniform(0.5, 0.95)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (CANVAS, CANVAS)).astype(np.float32), (0, 0), 1.5)
    opacity = np.clip(0.5 + 0.25 * grain / grain.std(), 0, 1) * dense
    colour = [(45, 33, 25), (30, 25, 22), (90, 70, 50), (120, 115, 110)][rng.integers(4)]
    return _laid_over(image, points, (np.tile(np.float32(colour), (CANVAS, CANVAS, 1)), opacity), rng)


HIDES: dict[str, Drawing] = {
    "a hand over the mouth": hand([13, 14, 17]),
    "a hand over the chin": hand([152, 17]),
    "a hand over a cheek": hand([205, 50]),
    "a hand over an eye": hand([33, 133]),
    "dark glasses": dark_glasses,
    "a mask": mask,
    "hair over an eye": hair_over_an_eye,
    "a microphone": microphone,
}
HIDES_NOTHING: dict[str, Drawing] = {"nothing": nothing, "a shadow": shadow, "thin frames": thin_frames, "a beard": beard}
LIMIT = next(category for category in AXES["occlusion"] if category.name == "partly").bounds[0].over


def occlusion(image: np.ndarray, points: np.ndarray) -> float:
    return describe(image, points, warp(image, crop_matrix(points), 192)).occlusion


def faces(every: int = 150) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures with one face each, and its landmarks: the sample clips' and the astronaut's."""
    detector, mesh = FaceDetector(), FaceMesh()
    pictures = [skimage.data.astronaut()]
    for name, step in (("franck", 2 * every), ("cap12_edit", every), ("cap13_edit2", every // 2)):
        with open(CLIPS / f"{name}.mp4", "rb") as clip:
            pictures += [frame.image for frame in read_frames(clip, step=step)]
    for picture in pictures:
        for detection in detector.detect(picture)[:1]:
            found = mesh.landmarks(picture, detection)
            if found is not None:
                yield picture, found.points


def seen_rates(chosen: list[tuple[np.ndarray, np.ndarray]], mesh: FaceMesh, seed: int = 0) -> dict[str, float]:
    """What was drawn -> the share of faces that count as hidden; their landmarks are read anew under it."""
    rng = np.random.default_rng(seed)
    rates = {}
    for name, drawing in (HIDES | HIDES_NOTHING).items():
        drawn = [(drawing(picture, points, rng), points) for picture, points in chosen]
        read = [(picture, mesh.landmarks(picture, points)) for picture, points in drawn]
        hits = [occlusion(picture, found.points) > LIMIT for picture, found in read if found is not None]
        rates[name] = sum(hits) / len(hits)
    return rates


if __name__ == "__main__":
    everyone = list(faces())
    sys.stdout.write(f"{len(everyone)} faces; share that counts as hidden (occlusion over {LIMIT}):\n")
    for what, rate in seen_rates(everyone, FaceMesh()).items():
        sys.stdout.write(f"  {rate:5.0%}  {what}\n")
