"""A vault with very many people in it, written straight into the database."""

import io
from datetime import date
from uuid import uuid4

import numpy as np
import skimage.data
from PIL import Image

from acquisition.dating.datings import Precision, Source
from acquisition.models import Footage
from processing.engine.pack import DescriptorTable, dump_descriptors
from processing.models import Analysis, Face, Person, Segment, Track
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage

W = Person.Who
REASONS = ("near_duplicate", "blurred", "too_small", "extreme_pose", "dark")
ROWS_AT_ONCE = 5000


def crops(count: int = 12) -> list[bytes]:
    """Pictures that can be told apart: one face in different tints, JPEG, 192 x 192."""
    face = Image.fromarray(skimage.data.astronaut()[:232, 110:342]).resize((192, 192))
    tints = np.random.default_rng(4).uniform(0.5, 1.2, (count, 3))
    found = []
    for tint in tints:
        target = io.BytesIO()
        Image.fromarray(np.clip(np.asarray(face) * tint, 0, 255).astype(np.uint8)).save(target, "JPEG", quality=90)
        found.append(target.getvalue())
    return found


def measures(count: int = 12) -> bytes:
    """What was measured of these pictures, as it is stored: numbers that could be, from a generator."""
    rng = np.random.default_rng(5)
    shapes = {"box": (4,), "landmarks": (468, 3), "matrix": (2, 3), "embedding": (128,)}
    whole = {"frame_index": np.int32, "track": np.int32, "dhash": np.uint64, "phash": np.uint64}
    columns = {
        name: rng.uniform(0, 1, (count, *shapes.get(name, ()))).astype(whole.get(name, np.float32))
        for name in DescriptorTable.__dataclass_fields__
    }
    columns |= {"yaw": columns["yaw"] * 80 - 40, "size": columns["size"] * 200 + 40, "lightness": columns["lightness"] * 100}
    return dump_descriptors(DescriptorTable(**columns))


def crowd(life_stage: LifeStage, by, *, faces: int, people: int, films: int, tracks: int | None = None) -> list[Person]:
    """Fills a vault. The first person is the subject and has half of all faces; the others are of every kind.

    Every film has one pack of a few pictures and one table of their measures, which its faces share.
    """
    vault, pictures, table = life_stage.subject.vault, crops(), measures()
    pack = b"".join(pictures)
    places = [(sum(map(len, pictures[:at])), len(picture)) for at, picture in enumerate(pictures)]
    footage = [
        Footage(
            vault=vault, life_stage=life_stage, filename=f"tape {at:04}.mp4", fingerprint=uuid4().hex, kind="video",
            filmed_on=(day := date(1980 + at % 30, 1 + at % 12, 1)), filmed_to=day, filmed_precision=Precision.DAY,
            filmed_source=Source.PERSON, state=Footage.State.PROCESSED, added_by=by,
            content=objects.store(vault.keyring, "footage", b"not a film"),
        )
        for at in range(films)
    ]  # fmt: skip
    Footage.objects.bulk_create(footage)
    analyses = Analysis.objects.bulk_create([Analysis(footage=film, frames_seen=faces // films) for film in footage])
    segments = [
        Segment(
            footage=film, analysis=analysis, number=0, starts=0.0, pack=objects.store(vault.keyring, "pack", pack),
            descriptors=objects.store(vault.keyring, "descriptors", table),
        )
        for film, analysis in zip(footage, analyses, strict=True)
    ]  # fmt: skip
    Segment.objects.bulk_create(segments)
    kinds = [W.UNKNOWN] * 7 + [W.UNSURE, W.OTHER, W.UNKNOWN]
    seen = [Person(vault=vault, who=W.SUBJECT if not at else kinds[at % 10], proposed=at % 10 == 1) for at in range(people)]
    Person.objects.bulk_create(seen)
    scenes = []
    for at in range(tracks or max(people, faces // 12)):
        person = seen[at % people] if at < people or at % 2 else seen[0]
        length = 2.0 + at % 7
        scenes.append(
            Track(
                segment=segments[at % films], person=person, number=at, shot=at // films, starts=3.0 * at, ends=3.0 * at + length
            )
        )
    Track.objects.bulk_create(scenes, batch_size=ROWS_AT_ONCE)
    rows = []
    for at in range(faces):
        track, (offset, length) = scenes[at % len(scenes)], places[at % len(places)]
        face = Face(track=track, row=at % len(places), offset=offset, length=length)
        if track.person.who == W.OTHER:
            face.state, face.reason = Face.State.REJECTED, "someone_else"
        elif track.person.who == W.SUBJECT:
            # neither goes in step with who is seen where
            dice = at * 7919 % 1009
            face.state = Face.State.KEPT if dice % 3 else Face.State.REJECTED
            face.reason = "" if dice % 3 else REASONS[dice % len(REASONS)]
            # no threshold would keep what a generator made up
            face.by_hand = face.state == Face.State.KEPT
        rows.append(face)
    Face.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    return seen
