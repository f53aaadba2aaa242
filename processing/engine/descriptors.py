"""What one face looks like, in numbers: pose, size, quality, light, expression, shape, what hides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from processing.engine import hashing, light, quality
from processing.engine.arrays import Floats, Image
from processing.engine.canonical import apply, crop_matrix, hull_mask, scale_of
from processing.engine.expression import expression, eyes_closed, mouth_open, shape
from processing.engine.occlusion import hidden
from processing.engine.pose import head
from processing.engine.skin import read_surface

Number = TypeVar("Number")
Hash = TypeVar("Hash")


@dataclass(frozen=True, kw_only=True)
class Measures(Generic[Number, Hash]):
    """The measures of a face: of one as numbers (`Descriptors`), of many as columns (`pack.DescriptorTable`).

    Pose. yaw, pitch, roll: degrees; 0, 0, 0 looks at the camera; positive yaw turns to the picture's right, positive
    pitch looks up, positive roll tilts clockwise in the picture.

    Quality. size: side of the standard crop in pixels of the picture. sharpness: 0 (blurred) .. 1, whatever the light.
    noise: standard deviation of the noise, in grey levels 0..255 of the picture. exposure, contrast: mean and standard
    deviation of the face's lightness, 0..255. occlusion: 0..1, share of the face that something hides.

    Light. red, green, blue: mean colour of the face, 0..255. light_side: -1..1, lightness of the picture's right half
    of the face over its left. lightness: CIE L* of the skin as it is lit, 0..100. lab_a, lab_b: colour of the ambient
    light on the face as CIE a*, b* of a white thing in it, about -60..60; 0, 0 is neutral, positive lab_b warm,
    negative cool. light_azimuth, light_elevation: degrees, -180..180 and -90..90, where the light comes from as the
    camera sees it: 0, 0 from the camera, positive azimuth from the picture's right, positive elevation from above.
    light_strength: 0..1, directed light over all light. ita: individual typology angle of the skin in degrees, -90
    (dark) .. 90 (light) (Chardon et al. 1991); it is used to match templates and for nothing else.

    Expression. mouth_open: height over width of the gap between the lips, 0 closed, about 1 wide open. eyes_closed: 0
    open .. 1 shut. smile: 0..1. brows: -1 lowered .. 1 raised.

    Shape, ratios from the mesh, from all sides nearly the same. shape_face: width over height of the face. shape_jaw:
    width of the jaw over the face's. shape_eyes: distance of the eyes over the face's width. shape_nose: length of the
    nose over the face's height. shape_mouth: width of the mouth over the face's, wider in a smile.

    Looks. dhash, phash: 64-bit difference hash and perceptual hash of the crop.
    """

    yaw: Number
    pitch: Number
    roll: Number
    size: Number
    sharpness: Number
    noise: Number
    exposure: Number
    contrast: Number
    occlusion: Number
    red: Number
    green: Number
    blue: Number
    light_side: Number
    lightness: Number
    lab_a: Number
    lab_b: Number
    light_azimuth: Number
    light_elevation: Number
    light_strength: Number
    ita: Number
    mouth_open: Number
    eyes_closed: Number
    smile: Number
    brows: Number
    shape_face: Number
    shape_jaw: Number
    shape_eyes: Number
    shape_nose: Number
    shape_mouth: Number
    dhash: Hash
    phash: Hash


HASHES = ("dhash", "phash")


@dataclass(frozen=True, kw_only=True)
class Descriptors(Measures[float, int]):
    """One face."""


def describe(image: Image, landmarks: Floats, crop: Image) -> Descriptors:
    """Measure one face.

    image: uint8 (H, W, 3), the picture. landmarks: float32 (468, 3), its pixels. crop: uint8 (S, S, 3), the standard
    crop of the same face.
    """
    size = crop.shape[0]
    matrix = crop_matrix(landmarks, size)
    scale = scale_of(matrix)
    in_crop = apply(matrix, landmarks)
    mask = hull_mask(in_crop, size) > 127
    mask &= _inside_picture(matrix, image.shape, size)
    if not mask.any():
        mask[:] = True
    seen = head(landmarks)
    built = shape(landmarks)
    mimics = expression(seen.points)
    surface = read_surface(image, landmarks, crop, in_crop)
    on_skin = light.linear(surface.colours[surface.skin])
    around = light.ambient(on_skin)
    source = light.direction(light.luminance(on_skin), surface.normals[surface.skin])
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    where = mask.view(np.uint8)
    red, green, blue, _ = cv2.mean(crop, where)
    exposure, contrast = (float(value[0, 0]) for value in cv2.meanStdDev(grey, mask=where))
    return Descriptors(
        yaw=seen.yaw,
        pitch=seen.pitch,
        roll=seen.roll,
        size=size / scale,
        sharpness=quality.sharpness(grey, mask),
        noise=quality.noise(image, landmarks),
        exposure=exposure,
        contrast=contrast,
        occlusion=hidden(surface),
        red=red,
        green=green,
        blue=blue,
        light_side=_light_side(grey, mask, in_crop),
        lightness=around.lightness,
        lab_a=around.a,
        lab_b=around.b,
        light_azimuth=source.azimuth,
        light_elevation=source.elevation,
        light_strength=source.strength,
        ita=around.ita,
        mouth_open=mouth_open(landmarks),
        eyes_closed=eyes_closed(landmarks),
        smile=mimics.smile,
        brows=mimics.brows,
        shape_face=built.face,
        shape_jaw=built.jaw,
        shape_eyes=built.eyes,
        shape_nose=built.nose,
        shape_mouth=built.mouth,
        dhash=hashing.difference_hash(grey),
        phash=hashing.perceptual_hash(grey),
    )


def _light_side(grey: Image, mask: NDArray[np.bool_], in_crop: Floats) -> float:
    middle = float(in_crop[[6, 4, 164], 0].mean())
    column = int(np.clip(np.ceil(middle), 0, grey.shape[1]))
    left, right = mask[:, :column], mask[:, column:]
    if not left.any() or not right.any():
        return 0.0
    a = cv2.mean(grey[:, :column], left.astype(np.uint8))[0]
    b = cv2.mean(grey[:, column:], right.astype(np.uint8))[0]
    return (b - a) / max(a + b, 1.0)


def _inside_picture(matrix: Floats, shape: tuple[int, ...], size: int) -> NDArray[np.bool_]:
    """bool (size, size): where the crop shows the picture, not its repeated border."""
    height, width = shape[:2]
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    canvas = np.zeros((size, size), dtype=np.uint8)
    outline = np.clip(apply(matrix, corners.astype(np.float32)), -1e5, 1e5)
    cv2.fillConvexPoly(canvas, np.round(outline).astype(np.int32), 1)
    return canvas > 0
