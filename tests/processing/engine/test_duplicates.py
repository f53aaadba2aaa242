"""No two faces that are kept look the same, however many there are and wherever they come from."""

import io
from dataclasses import fields, replace

import av
import cv2
import numpy as np
import pytest

from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.duplicates import looks
from processing.engine.filtering import Reason, Thresholds, distinct, duplicate_pairs, judge
from processing.engine.pack import DescriptorTable, tabulate


def look_at(images, crf=23):
    """All faces of a film of these pictures, as a table."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        film.mux(stream.encode())
    target.seek(0)
    return tabulate(analyse(target, AnalysisSettings(every_frame=True, max_embeddings=1, use_mtcnn=False)))


@pytest.fixture(scope="module")
def table(talking):
    return look_at(talking)


def many(table, count, seed=3, shaken=0.08):
    """`count` faces between neighbouring ones of a film; hashes and, by pixels of the picture, landmarks are shaken."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, len(table), count)
    neighbours = np.clip(rows + random.integers(-2, 3, count), 0, len(table) - 1)
    share = random.random((count, 1, 1)).astype(np.float32)
    landmarks = table.landmarks[rows] * share + table.landmarks[neighbours] * (1 - share)
    landmarks += random.normal(0, shaken, landmarks.shape).astype(np.float32)
    flips = np.uint64(1) << random.integers(0, 64, count).astype(np.uint64)
    sharpness = random.random(count).astype(np.float32)
    return replace(table.rows(rows), landmarks=landmarks, dhash=table.dhash[rows] ^ flips, sharpness=sharpness)


def together(*tables):
    return DescriptorTable(
        **{field.name: np.concatenate([getattr(table, field.name) for table in tables]) for field in fields(DescriptorTable)}
    )


def one_by_one(table, thresholds):
    """The definition, read out: in the order of sharpness, keep what is near none that is kept."""
    kept = []
    shapes = looks(table).shapes / 64 / 192
    for row in np.argsort(-table.sharpness, kind="stable"):
        for other in kept:
            apart = np.sqrt(np.square(shapes[row] - shapes[other]).sum(axis=1).mean())
            bits = bin(int(table.dhash[row]) ^ int(table.dhash[other])).count("1")
            if apart < thresholds.duplicate_shape and bits <= thresholds.duplicate_bits:
                break
        else:
            kept.append(row)
    return sorted(kept)


@pytest.mark.parametrize(("share", "bits"), [(0.0, 64), (0.001, 1), (0.0025, 4), (0.01, 2), (0.5, 0), (0.5, 64)])
def test_those_kept_are_those_that_the_definition_keeps(table, share, bits):
    faces = many(table, 400)
    thresholds = Thresholds(duplicate_shape=share, duplicate_bits=bits)

    chosen = distinct(faces, thresholds)

    assert np.flatnonzero(chosen).tolist() == one_by_one(faces, thresholds)
    assert duplicate_pairs(faces.rows(chosen), thresholds) == 0


def test_of_thousands_no_two_that_are_kept_look_the_same(table):
    faces = many(table, 5000, shaken=0.15)
    thresholds = Thresholds()

    chosen = distinct(faces, thresholds)

    assert 100 < chosen.sum() < len(faces)
    assert duplicate_pairs(faces.rows(chosen), thresholds) == 0
    assert duplicate_pairs(faces.rows(np.arange(300)), thresholds) > 0


def test_every_face_put_aside_looks_like_a_sharper_one_that_is_kept(table):
    faces = many(table, 300)
    chosen = distinct(faces)

    for row in np.flatnonzero(~chosen):
        sharper = np.append(np.flatnonzero(chosen & (faces.sharpness >= faces.sharpness[row])), row)
        assert duplicate_pairs(faces.rows(sharper)) >= 1


def test_what_is_kept_already_stays_and_is_not_repeated(table):
    faces = many(table, 600)
    first, second = faces.rows(np.arange(300)), faces.rows(np.arange(300, 600))
    kept = first.rows(distinct(first))

    new = second.rows(distinct(second, kept=kept))

    both = together(kept, new)
    assert duplicate_pairs(both) == 0
    assert distinct(together(kept, first)).sum() == len(kept)
    assert not distinct(first, kept=kept).any()
    assert 0 < len(new) < distinct(second).sum()


@pytest.mark.parametrize(("size", "crf"), [((400, 300), 30), ((300, 224), 23), ((600, 450), 26)])
def test_a_copy_of_a_film_adds_next_to_nothing(table, talking, size, crf):
    """The same clip, compressed anew and of another size, as families have their films twice."""
    copied = look_at([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in talking], crf)
    original = table.rows(distinct(table))

    added = [verdict.reason for verdict in judge(copied, kept=original)]

    assert added.count(Reason.KEPT) <= len(copied) * 0.1
    assert added.count(Reason.NEAR_DUPLICATE) >= len(copied) * 0.9


def test_none_are_distinct_among_none(table):
    nobody = table.rows([])

    assert distinct(nobody).tolist() == []
    assert distinct(nobody, kept=table).tolist() == []
    assert duplicate_pairs(nobody) == 0
    assert distinct(table.rows([0]), kept=nobody).tolist() == [True]
