"""Boxes that MTCNN takes for a face and nobody else does: what a person said who looked at them, and a sheet of them to look at.

`no_faces.json` holds, by the SHA-256 of a film, (frame, x, y) of the middle of each box that was looked at and shows no face: a
wall, a hand, a shoulder. Whatever was not looked at, or is in doubt, counts as a face.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from worker.bench.clips import Clip
from worker.bench.rows import FOLDER

LOOKED_AT = Path(__file__).with_name("no_faces.json")
# of the sheet: pixels a tile, tiles a row; how much brighter, for faces in the dark (gamma)
TILE, COLUMNS, GAMMA = 220, 8, 0.5
SHEET = FOLDER / "processing/missed.png"


@cache
def no_faces() -> dict[str, list[list[int]]]:
    """By the SHA-256 of a film: (frame, x, y) of each."""
    return json.loads(LOOKED_AT.read_text())


def is_no_face(clip: Clip, frame: int, box: np.ndarray) -> bool:
    """Whether a person has looked at this box, float (4,) pixels, of this frame, and saw no face.

    The middle may lie a tenth of the box's side from where it was: processors differ in the last digits.
    """
    middle, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    told = no_faces().get(hashlib.sha256(clip.content).hexdigest(), [])
    return any(number == frame and np.abs(middle - (x, y)).max() < 0.1 * side for number, x, y in told)


def tile(clip: Clip, frame: int, image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """What is in a box of an image, uint8 (H, W, 3), and round it, brightened, with the words to enter: uint8 (TILE, TILE, 3)."""
    middle, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    scale = TILE / 2 / side
    matrix = np.array([[scale, 0, TILE / 2 - scale * middle[0]], [0, scale, TILE / 2 - scale * middle[1]]])
    seen = cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_AREA)
    seen = np.round(255 * (seen / 255) ** GAMMA).astype(np.uint8)
    first, last = (tuple(np.round(matrix[:, :2] @ corner + matrix[:, 2]).astype(int).tolist()) for corner in (box[:2], box[2:]))
    cv2.rectangle(seen, first, last, (0, 255, 0), 1)
    for line, words in enumerate((clip.name, f"{frame}, {middle[0]:.0f}, {middle[1]:.0f}")):
        cv2.putText(seen, words, (3, 12 + 13 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 0), 1)
    return seen


def write_sheet(tiles: list[np.ndarray]) -> Path:
    """All tiles in one picture at SHEET, in the place of the one before. It shows faces: look, and delete it."""
    SHEET.parent.mkdir(parents=True, exist_ok=True)
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.zeros((rows * TILE, COLUMNS * TILE, 3), np.uint8)
    for place, seen in enumerate(tiles):
        top, left = TILE * (place // COLUMNS), TILE * (place % COLUMNS)
        sheet[top : top + TILE, left : left + TILE] = seen
    cv2.imwrite(str(SHEET), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return SHEET
