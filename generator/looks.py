"""The looks of a twin's faces and of a template's, read from what is stored of them."""

from types import SimpleNamespace

import numpy as np

from generator.engine.looks import Looks
from processing import datasets, tables
from processing.engine.canonical import CROP_SIZE, apply, crop_matrix
from processing.engine.descriptors import describe
from processing.engine.pack import decode_crop
from templates_library import preparation
from templates_library.models import TemplateRole
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage

# faces of a template that are looked at: light and pose change slowly, and a person waits
SAMPLED = 16


def looks_of_faces(life_stage: LifeStage, condition: str = "") -> Looks:
    """Of the faces that a twin of this life stage and light learns from."""
    return Looks.of(tables.joined(datasets.dataset(life_stage, condition).faces))


def looks_of_scene(role: TemplateRole) -> Looks:
    """Of the face of a role, from some of its crops, spread over the film."""
    track, rate = preparation.load_track(role), role.revision.rate
    count = len(track.offset)
    found = []
    with objects.open_object(role.pack) as pack:
        for place in np.unique(np.linspace(0, count - 1, min(count, SAMPLED)).round().astype(int)).tolist():
            pack.seek(int(track.offset[place]))
            crop = decode_crop(pack.read(int(track.length[place])))
            frame = min(round(float(track.moment[place]) * rate), len(track.landmarks) - 1)
            if not track.present[frame]:
                continue
            points = track.landmarks[frame]
            found.append(describe(crop, apply(crop_matrix(points, CROP_SIZE), points), crop))
    columns = ("yaw", "pitch", "lightness", "lab_b")
    return Looks.of(SimpleNamespace(**{name: np.array([getattr(one, name) for one in found], np.float64) for name in columns}))
