"""How well a film follows its template: expression, calm, seam. The same figure of the template is the yardstick."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Masks = NDArray[np.bool_]
Floats = NDArray[np.float32]

# Outer corners of the eyes on the mesh: their distance is what landmark errors are given in (Sagonas et al. 2013).
_OUTER_CORNERS = (33, 263)
# The rings of lids and lips on the mesh, where expression shows.
EYES_AND_MOUTH = (
    *(33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    *(263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
# Inner lips, lids, and corners of the mouth; a movement smaller than this part of the eyes' distance is none.
_PAIRS = ((13, 14), (159, 145), (386, 374), (61, 291))
_STILL = 0.006
# How much is smoothed away before flicker is measured, and how far inside its edge a seam is looked for, in parts of the
# face's width.
_SMOOTHING = 1 / 24
_SEAM_DEPTH = 1 / 8
_FINE = 1 / 32
# Grey levels a pixel: a picture flatter than this counts as this flat, or any noise would be a seam.
_FLAT = 1.0
# Lai et al. 2018: where flow forth and back do not meet, something was hidden.
_MEETS, _MEETS_FLOOR = 0.01, 0.5


def landmark_error(film: Floats, template: Floats, points: Sequence[int] | None = None) -> float:
    """Mean distance of a film's landmarks from the template's, in parts of the template's distance of the outer eye corners.

    film, template: float32 (N, 468, 3) px of the same frames, NaN in frames without a face, which are left out; x and y
    count. points: of the mesh, which of them are compared; all when None, which says whether the head lies where it should,
    while EYES_AND_MOUTH tells more of expression. Detecting a template twice gives about 0.002. Raises
    ValueError when no frame has a face in both.
    """
    if film.shape != template.shape:
        raise ValueError(f"Landmarks of the same frames are needed, and these are {film.shape} and {template.shape}.")
    both = np.isfinite(film).all(axis=(1, 2)) & np.isfinite(template).all(axis=(1, 2))
    if not both.any():
        raise ValueError("There is no frame in which film and template both show a face.")
    film, template = film[both, :, :2], template[both, :, :2]
    right, left = (template[:, corner] for corner in _OUTER_CORNERS)
    apart = np.linalg.norm(left - right, axis=-1)
    chosen = slice(None) if points is None else list(points)
    away = np.linalg.norm((film - template)[:, chosen], axis=-1).mean(axis=-1)
    return float(np.mean(away / np.maximum(apart, 1e-6)))


def expression_followed(film: Floats, template: Floats) -> float | None:
    """Which share of the template's movement of mouth and lids a film follows: 1 all of it, 0 a face that never moves, less
    where it moves otherwise.

    film, template: as in `landmark_error`. Compared is how far mouth and eyes are open and how wide the mouth is, in parts of the
    distance of the eyes, each less its mean: somebody's wider mouth is no error here, while a mean over all 468 points hardly
    notices a mouth that stays shut. None where the template shows less than two such frames or hardly moves.
    """
    both = np.isfinite(film).all(axis=(1, 2)) & np.isfinite(template).all(axis=(1, 2))
    if both.sum() < 2:
        return None
    made, wanted = (_openings(landmarks[both]) for landmarks in (film, template))
    moved = float(np.square(wanted).mean())
    if moved < _STILL**2:
        return None
    return 1.0 - float(np.square(made - wanted).mean()) / moved


def _openings(landmarks: Floats) -> Floats:
    """float32 (N, 468, 3) -> (N, 4), each column less its mean."""
    apart = np.linalg.norm(landmarks[:, _OUTER_CORNERS[1], :2] - landmarks[:, _OUTER_CORNERS[0], :2], axis=-1)
    lengths = [np.linalg.norm(landmarks[:, a, :2] - landmarks[:, b, :2], axis=-1) / apart for a, b in _PAIRS]
    openings = np.stack(lengths, axis=1)
    return np.asarray(openings - openings.mean(axis=0), np.float32)


def detail(frames: Images, masks: Masks) -> float:
    """Fine detail in grey levels: how far pixels differ from their surroundings, a 32nd of the face's width round them.

    frames: uint8 (N, H, W, 3). masks: bool (N, H, W), where it is measured. Blur lowers it, so a film far under its template is
    blurred. ValueError where the masks are empty.
    """
    if not masks.any():
        raise ValueError("There is nothing inside the masks to measure detail on.")
    sigma = max(0.7, _width(masks) * _FINE)
    total = 0.0
    for frame, mask in zip(frames, masks, strict=True):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        total += float(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), sigma))[mask].sum())
    return total / int(masks.sum())


def warped_flicker(frames: Images, masks: Masks, moved_as: Images | None = None) -> float:
    """Restlessness in grey levels: how much a frame differs from the next one laid back over it along the optical flow.

    frames: uint8 (N, H, W, 3), two or more in a row. masks: bool (N, H, W), where it is measured. moved_as: pictures like
    `frames`, by whose motion (DIS flow, Kroeger et al. 2016) the frames are laid over each other; the frames themselves when
    None. For a film give its template: a flow found on the film would follow its unrest and so hide it, and the same
    places are then left out in both, namely those where flow forth and back do not meet (Lai et al. 2018).

    Before they are compared the frames are smoothed by a 24th of the face's width (the root of the masks' mean area).
    Otherwise a blurred film would come out calmer than its sharp template, for fine detail is never laid over itself
    exactly, and a template with grain would excuse any unrest. What pulses, jumps and swims is coarser and remains. Raises
    ValueError with fewer than two frames or no place to measure.
    """
    moved_as = frames if moved_as is None else moved_as
    if len(frames) < 2:
        raise ValueError("Flicker needs two frames or more.")
    if masks.shape != frames.shape[:3] or moved_as.shape != frames.shape:
        raise ValueError(f"Every frame needs a mask of its size, and these are {masks.shape} for {frames.shape}.")
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in moved_as]
    sigma = max(0.5, _width(masks) * _SMOOTHING)
    smooth = [cv2.GaussianBlur(frame, (0, 0), sigma).astype(np.float32) for frame in frames]
    differences, places = 0.0, 0
    for now in range(len(frames) - 1):
        forth = np.asarray(flow.calc(grey[now], grey[now + 1], None), np.float32)  # type: ignore[call-overload]
        back = np.asarray(flow.calc(grey[now + 1], grey[now], None), np.float32)  # type: ignore[call-overload]
        returned = forth + _along(back, forth)
        lengths = np.square(forth).sum(-1) + np.square(_along(back, forth)).sum(-1)
        seen = np.square(returned).sum(-1) < _MEETS * lengths + _MEETS_FLOOR
        where = masks[now] & seen & (_along(masks[now + 1].astype(np.float32), forth) > 0.5)
        differences += float(np.abs(_along(smooth[now + 1], forth) - smooth[now])[where].sum()) / 3
        places += int(where.sum())
    if not places:
        raise ValueError("There is nothing inside the masks to measure flicker on.")
    return differences / places


def seam_gradient(film: Images, template: Images, touched: Masks) -> float:
    """How much steeper a film is along the edge of what was laid in than its template is there; 1 is as in the template.

    film, template: uint8 (N, H, W, 3). touched: bool (N, H, W), where they may differ. The slope across the edge is averaged
    at every depth, from just outside the edge to an eighth of the face's width inside, because a faded edge shows its
    seam not where it ends but where it is steepest; the worst depth counts. Raises ValueError when nothing is
    touched.
    """
    if not film.shape == template.shape or touched.shape != film.shape[:3]:
        raise ValueError(f"Film, template and masks must be of one size: {film.shape}, {template.shape}, {touched.shape}.")
    if not touched.any():
        raise ValueError("A film in which nothing was touched has no seam.")
    reach = max(3, round(_width(touched) * _SEAM_DEPTH))
    slopes, places = np.zeros((2, reach + 2)), np.zeros(reach + 2)
    for shown, original, mask in zip(film, template, touched, strict=True):
        if not mask.any() or mask.all():
            continue
        depth = _depth(mask)
        ring = (depth >= -2) & (depth < reach)
        bins = (np.floor(depth[ring]) + 2).astype(int)
        smooth = cv2.GaussianBlur(depth, (0, 0), 2.0)
        across = np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)])[:, ring]
        across = across / np.maximum(np.linalg.norm(across, axis=0), 1e-6)
        for side, picture in enumerate((shown, original)):
            slopes[side] += np.bincount(bins, _slope(picture, ring, across), reach + 2)
        places += np.bincount(bins, minlength=reach + 2)
    if not places.any():
        raise ValueError("The masks reach the whole picture, so there is no seam inside it.")
    steep, own = slopes / np.maximum(places, 1)
    return float(np.max((steep + _FLAT) / (own + _FLAT)))


def _depth(mask: Masks) -> Floats:
    """Pixels from the edge, positive inside."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(inside - outside, np.float32)


def _slope(picture: Images, ring: Masks, across: Floats) -> Floats:
    """Grey levels a pixel in the direction `across` (2, P), at the places of `ring`: float32 (P,)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    right, down = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8)[ring] for order in ((1, 0), (0, 1)))
    return np.asarray(np.abs(right * across[0] + down * across[1]), np.float32)


def _along(values: Floats, flow: Floats) -> Floats:
    """What lies where `flow` (H, W, 2) leads from every pixel."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return np.asarray(cv2.remap(values, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR), np.float32)


def _width(masks: Masks) -> float:
    """About how wide a face is: the root of the mean area of the masks that are not empty."""
    areas = masks.sum(axis=(1, 2))
    return float(np.sqrt(areas[areas > 0].mean())) if areas.any() else 0.0
