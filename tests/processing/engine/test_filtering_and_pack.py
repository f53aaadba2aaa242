"""Good faces are kept, others are put aside for the reason that holds; what is stored comes back the same."""

import io
from dataclasses import replace

import numpy as np
import pytest

from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.filtering import Reason, Thresholds, judge, subject_tracks, track_embeddings
from processing.engine.identity import embed
from processing.engine.pack import DescriptorTable, PackWriter, decode_crop, dump_descriptors, load_descriptors, tabulate
from tests.processing.engine.faces import drawn_table


@pytest.fixture(scope="module")
def faces(talking, make_film):
    return list(analyse(make_film(talking), AnalysisSettings(every_frame=True)))


def with_descriptors(face, **changes):
    return replace(face, descriptors=replace(face.descriptors, **changes))


def test_a_face_seen_twice_is_kept_once_and_the_sharper_one(faces):
    blurred = with_descriptors(faces[0], sharpness=faces[0].descriptors.sharpness - 0.05)

    verdicts = judge([blurred, faces[0]])

    assert [verdict.reason for verdict in verdicts] == [Reason.NEAR_DUPLICATE, Reason.KEPT]
    assert [verdict.kept for verdict in verdicts] == [False, True]


def test_a_talking_face_is_kept_in_its_different_looks(faces):
    verdicts = judge(faces)

    kept = sum(verdict.kept for verdict in verdicts)
    assert 3 < kept < len(faces)
    assert {verdict.reason for verdict in verdicts} == {Reason.KEPT, Reason.NEAR_DUPLICATE}


def test_looser_thresholds_keep_more(faces):
    def kept(share: float) -> int:
        return sum(verdict.kept for verdict in judge(faces, Thresholds(duplicate_shape=share)))

    assert kept(0.0) == len(faces)
    assert kept(0.0) >= kept(0.002) >= kept(0.01) >= 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": 30.0}, "too_small"),
        ({"yaw": -80.0}, "extreme_pose"),
        ({"pitch": 60.0}, "extreme_pose"),
        ({"exposure": 12.0}, "dark"),
        ({"exposure": 250.0}, "bright"),
        ({"sharpness": 0.1}, "blurred"),
        ({"occlusion": 0.3}, "occluded"),
        # the first that holds
        ({"occlusion": 0.3, "sharpness": 0.1, "exposure": 12.0, "size": 30.0}, "too_small"),
        ({"occlusion": 0.3, "sharpness": 0.1, "exposure": 12.0}, "dark"),
    ],
)
def test_a_bad_face_is_put_aside_for_its_fault(faces, change, reason):
    (verdict,) = judge([with_descriptors(faces[0], **change)])

    assert verdict.reason == reason
    assert not verdict.kept


def test_landmarks_that_cannot_be_trusted_count_as_hidden(faces):
    assert judge([replace(faces[0], score=0.6)])[0].reason == "occluded"


def test_a_bad_face_does_not_displace_a_good_one(faces):
    bad = with_descriptors(faces[0], exposure=5.0, sharpness=0.9)

    assert [verdict.reason for verdict in judge([bad, faces[0]])] == ["dark", ""]


def test_faces_of_someone_else_are_told_apart(faces, other_man, detector, mesh):
    stranger = embed(other_man, mesh.landmarks(other_man, detector.detect(other_man)[0]).points)
    known = np.stack([face.embedding for face in faces if face.embedding is not None])
    passer_by = replace(faces[5], track=7, embedding=stranger)
    unknown = replace(faces[6], track=8, embedding=None)

    verdicts = judge([*faces, passer_by, unknown], subject=known)

    assert [verdict.reason == "someone_else" for verdict in verdicts] == [False] * len(faces) + [True, True]
    assert subject_tracks(tabulate([*faces, passer_by, unknown]), stranger[None]) == {7}


def test_nothing_is_judged_to_nothing():
    assert judge([]) == []
    numbers, means, looks = track_embeddings(tabulate([]))
    assert numbers == []
    assert means.shape == (0, 128)
    assert looks.shape == (0,)


def test_the_table_comes_back_as_it_was_stored(faces):
    table = load_descriptors(dump_descriptors(faces))

    assert len(table) == len(faces)
    assert np.array_equal(table.landmarks[3], faces[3].landmarks)
    assert np.array_equal(table.matrix[3], faces[3].matrix)
    assert table.dhash[3] == faces[3].descriptors.dhash
    assert table.yaw[3] == pytest.approx(faces[3].descriptors.yaw)
    assert np.isnan(table.embedding).all(axis=1).tolist() == [face.embedding is None for face in faces]
    assert [verdict.reason for verdict in judge(table)] == [verdict.reason for verdict in judge(faces)]


def test_rows_of_the_table_can_be_chosen(faces):
    table = tabulate(faces)

    assert table.rows(table.time < 0.5).frame_index.tolist() == list(range(13))
    assert table.rows([4, 2]).frame_index.tolist() == [4, 2]
    assert len(table.rows([])) == 0


def test_an_empty_table_can_be_stored():
    assert len(load_descriptors(dump_descriptors([]))) == 0


def test_stored_descriptors_never_run_code():
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    target = io.BytesIO()
    np.savez(target, yaw=np.array([Evil()], dtype=object))

    with pytest.raises(ValueError, match="pickle"):
        load_descriptors(target.getvalue())


def test_crops_come_back_from_where_the_pack_says(faces):
    store = bytearray()
    pack = PackWriter(store.extend)

    places = [pack.add(face.crop) for face in faces[:5]]

    for face, (offset, length) in zip(faces[:5], places, strict=True):
        crop = decode_crop(bytes(store[offset : offset + length]))
        assert crop.shape == face.crop.shape
        assert np.abs(crop.astype(int) - face.crop).mean() < 2
    assert sum(length for _, length in places) == len(store)


def test_a_damaged_crop_is_refused():
    with pytest.raises(ValueError, match="damaged"):
        decode_crop(b"not a JPEG")


def test_only_the_columns_that_are_asked_for_are_read():
    table = drawn_table(5)
    read = load_descriptors(dump_descriptors(table), ["embedding"])
    np.testing.assert_array_equal(read.embedding, table.embedding)
    np.testing.assert_array_equal(read.yaw, table.yaw)
    assert read.landmarks.shape == (5, 0) and len(DescriptorTable.joined([read, read]).rows([0, 7])) == 2


def test_a_table_from_before_a_measure_existed_can_be_read_and_holds_nothing_against_its_faces():
    with np.load(io.BytesIO(dump_descriptors(drawn_table(3)))) as stored:
        columns = {name: stored[name] for name in stored.files if name not in ("occlusion", "phash", "shot")}
    target = io.BytesIO()
    np.savez_compressed(target, **columns)

    table = load_descriptors(target.getvalue())

    assert np.isnan(table.occlusion).all() and not table.phash.any() and table.shot.tolist() == [0, 0, 0]
    assert [verdict.kept for verdict in judge(table)] == [True] * 3
