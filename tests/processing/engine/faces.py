"""Tables of faces that nobody was seen with: good in every measure, each of another look."""

from dataclasses import fields

import numpy as np

from processing.engine.descriptors import HASHES
from processing.engine.pack import DescriptorTable

GOOD = {"size": 120.0, "sharpness": 0.45, "exposure": 120.0, "lightness": 55.0, "noise": 0.5, "occlusion": 0.0, "score": 0.95}


def drawn_table(count: int, seed: int = 0, **columns) -> DescriptorTable:
    """`count` faces, one a second, all of one track; columns given by name take the place of what is drawn."""
    rng = np.random.default_rng(seed)
    made = {
        "frame_index": np.arange(count, dtype=np.int32),
        "time": np.arange(count, dtype=np.float64),
        "track": np.zeros(count, np.int32),
        "shot": np.zeros(count, np.int32),
        "score": np.full(count, GOOD["score"], np.float32),
        "box": np.zeros((count, 4), np.float32),
        "landmarks": rng.uniform(20, 170, (count, 468, 3)).astype(np.float32),
        "matrix": np.tile(np.eye(2, 3, dtype=np.float32), (count, 1, 1)),
        "embedding": rng.normal(0, 0.05, (count, 128)).astype(np.float32),
    }
    for field in fields(DescriptorTable):
        if field.name in HASHES:
            made[field.name] = rng.integers(0, 2**63, count, dtype=np.uint64)
        elif field.name not in made:
            made[field.name] = np.full(count, GOOD.get(field.name, 0.0), np.float32)
    return DescriptorTable(**made | columns)
