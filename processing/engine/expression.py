"""What a face does, and how it is built: measures of the mesh alone, the same from wherever the head is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processing.engine.arrays import Floats

# Height over width of an eye's opening in the mesh, when it is shut and when it looks straight ahead.
EYE_SHUT, EYE_OPEN = 0.12, 0.30


def mouth_open(landmarks: Floats) -> float:
    """Height of the gap between the lips over the width of the mouth. landmarks: float32 (468, 3), any unit."""
    return _ratio(landmarks, [(13, 14), (82, 87), (312, 317)], (78, 308))


def eyes_closed(landmarks: Floats) -> float:
    """0 open .. 1 shut: from the height of the eyes' openings over their widths, both eyes together."""
    left = _ratio(landmarks, [(159, 145), (158, 153), (160, 144)], (33, 133))
    right = _ratio(landmarks, [(386, 374), (385, 380), (387, 373)], (263, 362))
    return float(np.clip(1.0 - ((left + right) / 2 - EYE_SHUT) / (EYE_OPEN - EYE_SHUT), 0, 1))


def _ratio(landmarks: Floats, heights: list[tuple[int, int]], width: tuple[int, int]) -> float:
    tall = np.mean([np.linalg.norm(landmarks[a] - landmarks[b]) for a, b in heights])
    return float(tall / max(float(np.linalg.norm(landmarks[width[0]] - landmarks[width[1]])), 1e-6))


@dataclass(frozen=True)
class Expression:
    """smile: 0..1, the mouth's corners drawn apart and not pulled down. brows: -1 lowered .. 1 raised; where they rest
    differs between people by about 0.5.
    """

    smile: float
    brows: float


# Width of the mouth over the distance between the eyes' outer corners, at rest and in a broad smile; how far its
# corners may hang under the upper lip, in the same unit, before it is a shout and not a smile.
MOUTH_AT_REST, MOUTH_BROAD, CORNERS_HANG = 0.58, 0.70, 0.05
# Height of the brows over the corners of the eyes at rest, and how much higher they are when raised, the same unit.
BROWS_AT_REST, BROWS_RAISED = 0.24, 0.06
_BROWS = [70, 63, 105, 66, 107, 300, 293, 334, 296, 336]
_EYE_CORNERS = [33, 133, 362, 263]


def expression(points: Floats) -> Expression:
    """What mouth and brows do. points: float32 (468, 3), a mesh turned to the camera (`pose.Head.points`)."""
    unit = max(float(np.linalg.norm(points[33] - points[263])), 1e-6)
    width = float(np.linalg.norm(points[61] - points[291])) / unit
    hang = float(points[13, 1] - points[[61, 291], 1].mean()) / unit
    drawn = (width - MOUTH_AT_REST) / (MOUTH_BROAD - MOUTH_AT_REST) - max(0.0, hang - CORNERS_HANG) / CORNERS_HANG
    height = float(points[_BROWS, 1].mean() - points[_EYE_CORNERS, 1].mean()) / unit
    return Expression(
        smile=float(np.clip(drawn, 0, 1)),
        brows=float(np.clip((height - BROWS_AT_REST) / BROWS_RAISED, -1, 1)),
    )


@dataclass(frozen=True)
class Shape:
    """How a face is built: ratios of distances in the mesh, so the same from all sides as far as the mesh is right.

    face: width between the ears over height from hairline to chin; what an open mouth adds to it is taken off.
    jaw: width of the jaw's corners over that of the face. eyes: distance of the eyes' centres over the face's width.
    nose: its length from root to lip over the face's height. mouth: its width over the face's (wider in a smile).
    """

    face: float
    jaw: float
    eyes: float
    nose: float
    mouth: float


def shape(landmarks: Floats) -> Shape:
    """landmarks: float32 (468, 3), any unit."""

    def apart(a: int, b: int) -> float:
        return max(float(np.linalg.norm(landmarks[a] - landmarks[b])), 1e-6)

    width = apart(234, 454)
    height = max(apart(10, 2) + apart(2, 152) - apart(13, 14), 1e-6)
    eyes = (landmarks[33] + landmarks[133] - landmarks[362] - landmarks[263]) / 2
    return Shape(
        face=width / height,
        jaw=apart(172, 397) / width,
        eyes=float(np.linalg.norm(eyes)) / width,
        nose=apart(168, 2) / height,
        mouth=apart(61, 291) / width,
    )
