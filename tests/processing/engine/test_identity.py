"""One person is near, another is far, and tracks fall into people."""

import numpy as np
import pytest

from processing.engine.identity import SAME_PERSON, distance, embed, group


def landmarks_of(image, detector, mesh):
    return mesh.landmarks(image, detector.detect(image)[0]).points


@pytest.fixture(scope="module")
def embeddings(talking, other_man, astronaut, detector, mesh):
    pictures = {"man": talking[0], "man later": talking[40], "other man": other_man, "woman": astronaut}
    return {name: embed(image, landmarks_of(image, detector, mesh)) for name, image in pictures.items()}


def test_an_embedding_is_128_numbers(embeddings):
    assert embeddings["man"].shape == (128,)
    assert embeddings["man"].dtype == np.float32


def test_one_person_is_near_and_others_are_far(embeddings):
    assert distance(embeddings["man"], embeddings["man later"]) < 0.5
    for other in ("other man", "woman"):
        assert distance(embeddings["man"], embeddings[other]) > SAME_PERSON


def test_a_turned_picture_shows_the_same_person(astronaut, detector, mesh, embeddings):
    turned = np.ascontiguousarray(np.rot90(astronaut))
    face = detector.detect(turned, thorough=True)[0]

    assert distance(embed(turned, mesh.landmarks(turned, face).points), embeddings["woman"]) < 0.3


def test_distance_is_a_metric(embeddings):
    a, b, c = (embeddings[name] for name in ("man", "other man", "woman"))

    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


def test_tracks_fall_into_people_the_most_seen_first(embeddings):
    order = ["woman", "man", "other man", "man later"]

    people = group(np.stack([embeddings[name] for name in order]))

    assert people.tolist() == [1, 0, 2, 0]


def test_no_two_of_one_person_are_farther_apart_than_the_limit():
    chain = np.zeros((3, 128), np.float32)
    chain[:, 0] = [0, 0.5, 1.0]  # each is near the next, the ends are far apart

    people = group(chain)

    assert len(set(people.tolist())) == 2


def test_one_track_or_none_is_sorted_too():
    assert group(np.zeros((1, 128), np.float32)).tolist() == [0]
    assert group(np.zeros((0, 128), np.float32)).tolist() == []


def test_two_who_were_seen_at_one_time_are_two_however_alike():
    twins = np.zeros((4, 128), np.float32)
    twins[:, 0] = [0, 0.1, 0.02, 0.12]

    assert len(set(group(twins).tolist())) == 1
    people = group(twins, apart=[(0, 1), (2, 3), (0, 3), (1, 2)])
    assert people[0] == people[2] != people[1] == people[3]
