"""How fast and how well faces are seen, in the films of the folder FOOTAGE, or else the packaged samples, beside others.

Production settings everywhere; networks are loaded, and the decoding process is started, before anything is timed.
"""

import io
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import av
import numpy as np
import skimage.data

from processing.engine.analysis import AnalysisSettings, FaceObservation, analyse
from processing.engine.canonical import apply, crop_matrix
from processing.engine.decoding import Decoder
from processing.engine.detection import near, overlap
from processing.engine.filtering import Thresholds, duplicate_pairs, judge, track_embeddings
from processing.engine.pack import DescriptorTable, tabulate
from processing.engine.sorting import NONE, Known, Likeness, seen_at_once, sort
from processing.engine.tracking import boxes_at, courses
from worker.bench import disputed, referees
from worker.bench.clips import LONGEST, Clip, at_720p, beside, clips, film, repeated
from worker.bench.rows import Row, tell
from worker.bench.seeing import memory_of
from worker.bench.sharing import seconds_by_workers

# machines are noisy: what is compared runs in turns, and the median of the turns counts
ROUNDS = 3
# frames of each clip and turn that MTCNN is timed on
TIMED_FRAMES = 40
# pixels, the shorter side of a face that has to be found
SMALLEST = 40
# the still face: side of the crop in which its eyes may jitter, frames, and sensor noise in grey levels
EYES_CROP, STILL_FRAMES, NOISES = 256, 48, (0.0, 3.0, 8.0)
RIGHT_EYE, LEFT_EYE = (33, 133, 159, 145), (263, 362, 386, 374)
# who is seen across the cut of a film: seconds from it, and overlap over union of their boxes
AT_THE_CUT, SAME_PLACE = 0.3, 0.3
# seconds of the films whose memory is compared
SHORT_FILM, LONG_FILM = 20, 240
# seconds of the film that is shared out: five segments and more
SHARED_FILM = 720


@cache
def seen(clip: Clip) -> list[FaceObservation]:
    """All faces of a clip, without their crops."""
    return [replace(face, crop=face.crop[:0].copy()) for face in analyse(clip.open(), end=LONGEST)]


def speed() -> Iterator[Row]:
    """Frames of film a second: ours, plain decoding, and MTCNN on every frame, in turns."""
    films = at_720p(clips())
    ratios = []
    with Decoder() as decoder:
        rounds = [turn(films, decoder) for _ in range(1 + ROUNDS)][1:]
    for ours, plain, theirs in rounds:
        ratios.append((rate(ours) / rate(theirs), rate(ours) / rate(plain)))
        looked_at = sum(looks for *_, looks in ours) / sum(frames for frames, *_ in ours)
        tell(
            f"{rate(ours):.0f} frames/s, of which {looked_at:.0%} were looked at; plain decoding {rate(plain):.0f}, "
            f"MTCNN {rate(theirs):.1f} frames/s"
        )
    against_mtcnn, against_decoding = (statistics.median(part) for part in zip(*ratios, strict=True))
    yield Row("analysis of 720p, times as fast as MTCNN on every frame", against_mtcnn, 10, "higher")
    yield Row("analysis of 720p, share of the speed of plain decoding", against_decoding, 0.25, "higher")


Reading = tuple[int, float, int]


def turn(films: list[Clip], decoder: Decoder) -> tuple[list[Reading], list[Reading], list[Reading]]:
    """(frames, seconds, frames looked at) of each film: ours, plain decoding, MTCNN."""
    return (
        [timed_analysis(clip, decoder) for clip in films],
        [timed_decoding(clip) for clip in films],
        [timed_mtcnn(clip) for clip in films],
    )


def rate(readings: list[Reading]) -> float:
    """Frames a second."""
    return sum(frames for frames, *_ in readings) / sum(seconds for _, seconds, _ in readings)


def timed_analysis(clip: Clip, decoder: Decoder) -> Reading:
    looks = 0

    def looked(_seconds: float, _share: float) -> None:
        nonlocal looks
        looks += 1

    began = time.perf_counter()
    for _ in analyse(clip.open(), progress=looked, end=LONGEST, decoder=decoder):
        pass
    return frames_of(clip), time.perf_counter() - began, looks


def timed_decoding(clip: Clip) -> Reading:
    began = time.perf_counter()
    with av.open(clip.open()) as container:
        container.streams.video[0].thread_type = "AUTO"
        moments = (frame.time for frame in container.decode(video=0))
        first = next(moments)
        count = 1 + sum(1 for _ in itertools.takewhile(lambda moment: moment - first < LONGEST, moments))
    return count, time.perf_counter() - began, count


@cache
def frames_of(clip: Clip) -> int:
    return timed_decoding(clip)[0]


def timed_mtcnn(clip: Clip) -> Reading:
    began = time.perf_counter()
    count = 0
    for _, picture in referees.pictures(clip, TIMED_FRAMES):
        referees.faces(picture)
        count += 1
    return count, time.perf_counter() - began, count


def misses() -> Iterator[Row]:
    """Faces that MTCNN finds on any frame at its own settings, and that none of our tracks covers there.

    What it finds is taken for a face, unless a person has looked at it and saw none (see `disputed`).
    """
    found = missed = none = 0
    tiles = []
    for clip in clips():
        course = courses(*columns(seen(clip), "track", "time", "box"))
        here = [0, 0, 0]
        for number, (moment, picture) in enumerate(referees.pictures(clip)):
            ours = [boxes_at(one, np.array([moment]))[0] for one in course.values()]
            for box in referees.faces(picture):
                if (box[2:] - box[:2]).min() < SMALLEST:
                    continue
                here[0] += 1
                if not any(near(mine, box) for mine in ours if not np.isnan(mine).any()):
                    here[1] += 1
                    here[2] += disputed.is_no_face(clip, number, box)
                    tiles.append(disputed.tile(clip, number, picture, box))
        tell(
            f"{clip.name}: of {here[0]} boxes by MTCNN we have not {here[1]}, of which {here[2]} were looked at and show no face"
        )
        found, missed, none = found + here[0], missed + here[1], none + here[2]
    if tiles:
        sheet = disputed.write_sheet(tiles)
        tell(f"of all boxes, faces or not, we have not {100 * missed / found:.2f} %; they are in {sheet}: look, and delete it")
    share = 100 * (missed - none) / max(1, found - none)
    yield Row(f"faces of {SMALLEST} px or more that MTCNN finds on any frame and we miss, in %", share, 2, "lower")


def columns(faces: list[FaceObservation], *names: str) -> list[np.ndarray]:
    return [np.array([getattr(face, name) for face in faces]) for name in names]


def jitter() -> Iterator[Row]:
    """Where the eyes lie in the crop when nothing moves but the sensor's noise: the worse eye, the worst noise, of two pictures.

    An eye is taken where its landmarks tell it, and at a fixed spot of the picture, over which only the crop moves.
    """
    worst, noise = 0.0, np.random.default_rng(0)
    closely = AnalysisSettings(min_rate=100, max_rate=100)
    frozen = next(picture for _, picture in referees.pictures(clips()[0]))
    for name, picture in (("a photograph", skimage.data.astronaut()), (f"{clips()[0].name}, frozen", frozen)):
        for strength in NOISES:
            shaken = (noisy(picture, strength, noise) for _ in range(STILL_FRAMES))
            everybody = list(analyse(io.BytesIO(film(shaken, 25, crf=23)), closely))
            faces = [face for face in everybody if face.track == everybody[0].track]
            if len(faces) < STILL_FRAMES:
                raise RuntimeError(f"the still face was lost in {STILL_FRAMES - len(faces)} frames")
            spreads = [spread for eye in (RIGHT_EYE, LEFT_EYE) for spread in spreads_of(faces, eye)]
            tell(f"{name}, noise of {strength:g} grey levels: " + ", ".join(f"{spread:.2f}" for spread in spreads) + " px")
            worst = max(worst, *spreads)
    yield Row(f"eyes of a still face, jitter in a crop of {EYES_CROP} px", worst, 0.6, "lower")


def noisy(picture: np.ndarray, strength: float, noise: np.random.Generator) -> np.ndarray:
    return np.clip(np.round(picture + noise.normal(0, strength, picture.shape)), 0, 255).astype(np.uint8)


def spreads_of(faces: list[FaceObservation], eye: tuple[int, ...]) -> tuple[float, float]:
    """Standard deviation in crop pixels, of an eye as the landmarks tell it and of the same spot of the picture."""
    matrices = [crop_matrix(face.landmarks, EYES_CROP) for face in faces]
    told = [face.landmarks[list(eye), :2].mean(axis=0) for face in faces]
    spot = np.mean(told, axis=0)[None].astype(np.float32)
    moved = [
        [apply(matrix, point[None].astype(np.float32))[0] for matrix, point in zip(matrices, told, strict=True)],
        [apply(matrix, spot)[0] for matrix in matrices],
    ]
    as_told, as_is = (float(np.sqrt(np.var(points, axis=0).sum())) for points in moved)
    return as_told, as_is


def identity() -> Iterator[Row]:
    """Each clip is cut in two, as if it were two files; whoever is seen across the cut must be one, and in every clip another.

    Two clips beside each other are one film more, whose two people must be kept apart and be those of the clips. One file after
    the other is sorted with who was seen before, as a vault does it while nobody is named.
    """
    first, second = two_people()
    both = beside(first, second)
    names: list[str] = []
    people: list[int] = []
    known: list[Likeness] = []
    table = tabulate(seen_part(both, 0.0, LONGEST))
    found = sorted_in(table, known)
    for side, clip in enumerate((first, second)):
        here = table.track[(table.box[:, [0, 2]].mean(axis=1) > 480) == side]
        main = heaviest({track: person for track, person in found.items() if track in here}, table)
        if main is None:
            raise RuntimeError(f"nobody is seen in {clip.name} beside another")
        names.append(clip.person)
        people.append(main)
    for clip in clips():
        middle = clip.seconds / 2
        parts = [tabulate(seen_part(clip, 0.0, middle)), tabulate(seen_part(clip, middle, LONGEST))]
        tracks = seen_across(*parts)
        for part, track in zip(parts, tracks or (-1, -1), strict=True):
            found = sorted_in(part, known)
            if track in found:
                names.append(clip.person)
                people.append(found[track])
        if tracks is None:
            tell(f"{clip.name}: nobody is seen across its middle, so that it says nothing of who is who")
    right = [
        (a == b) == (one == other) for (a, one), (b, other) in itertools.combinations(list(zip(names, people, strict=True)), 2)
    ]
    tell(f"{len(names)} films of {len(set(names))} people fall into {len(set(people))}")
    yield Row("pairs of films that are rightly told to show one person or two, in %", 100 * float(np.mean(right)), 100, "higher")


def seen_across(before: DescriptorTable, after: DescriptorTable) -> tuple[int, int] | None:
    """The tracks, in two parts of one film, of the largest face that is at the end of the one and at the beginning of the other:
    of one person, whatever they look like. None if there is none."""
    last = np.flatnonzero(before.time > before.time.max(initial=0) - AT_THE_CUT)
    first = np.flatnonzero(after.time < after.time.min(initial=np.inf) + AT_THE_CUT)
    shared = overlap(before.box[last], after.box[first])
    one, other = np.nonzero(shared > SAME_PLACE)
    if not len(one):
        return None
    largest = int(np.argmax(before.size[last[one]] * shared[one, other]))
    return int(before.track[last[one[largest]]]), int(after.track[first[other[largest]]])


def sorted_in(table: DescriptorTable, known: list[Likeness]) -> dict[int, int]:
    """Whom each track of one piece of footage shows, by a place in `known`, to which it adds what was seen of each."""
    tracks, means, looks = track_embeddings(table)
    times = [table.time[table.track == track] for track in tracks]
    apart = seen_at_once([time.min() for time in times], [time.max() for time in times], [0] * len(tracks))
    numbers = sort(Likeness(means, looks), apart, [Known(theirs) for theirs in known])
    for number in range(int(numbers.max(initial=-1)) + 1):
        if number == len(known):
            known.append(NONE)
        mine = numbers == number
        known[number] = Likeness(
            np.concatenate([known[number].means, means[mine]]), np.concatenate([known[number].looks, looks[mine]])
        )
    return dict(zip(tracks, numbers.tolist(), strict=True))


def heaviest(found: dict[int, int], table: DescriptorTable) -> int | None:
    """Who is seen most and largest of those whom some tracks show; None if nobody is."""
    weights: dict[int, float] = {}
    for track, person in found.items():
        weights[person] = weights.get(person, 0.0) + float(table.size[table.track == track].sum())
    return max(weights, key=weights.__getitem__, default=None)


def two_people() -> tuple[Clip, Clip]:
    every = clips()
    other = next((clip for clip in every if clip.person != every[0].person), None)
    if other is None:
        raise SystemExit("The films are all of one person, as far as their names tell; identity needs two.")
    return every[0], other


@cache
def seen_part(clip: Clip, start: float, end: float) -> list[FaceObservation]:
    return [replace(face, crop=face.crop[:0].copy()) for face in analyse(clip.open(), start=start, end=end)]


def near_duplicates() -> Iterator[Row]:
    """Pairs among the faces chosen to learn from that are near duplicates all the same, counted by comparing each with each."""
    tables = [
        tabulate(replace(face, track=1000 * number + face.track) for face in seen(clip)) for number, clip in enumerate(clips())
    ]
    table = DescriptorTable.joined(tables)
    kept = table.rows(np.array([verdict.kept for verdict in judge(table)], dtype=bool))
    tell(f"{len(kept)} of {len(table)} faces are kept")
    yield Row("near duplicates left in a dataset, in pairs", duplicate_pairs(kept, Thresholds()), 0, "lower")


def memory() -> Iterator[Row]:
    """A face that wanders over a picture of 1080 lines, for a while and for twelve times as long."""
    once = film(wandering(SHORT_FILM * 25), 25)
    idle = memory_of("idle")
    short, long = (memory_of("look", repeated(once, times)) - idle for times in (1, LONG_FILM // SHORT_FILM))
    yield Row("a long 1080p film looked through: memory over idle, in MiB", long, 500, "lower")
    yield Row(f"the same, growth from {SHORT_FILM} to {LONG_FILM} s of film, in MiB", long - short, 64, "lower")


def wandering(frames: int) -> Iterator[np.ndarray]:
    face = skimage.data.astronaut()[:512, :512]
    for number in range(frames):
        angle = 2 * np.pi * number / frames
        picture = np.full((1080, 1920, 3), 90, np.uint8)
        left, top = round(704 + 600 * np.cos(angle)), round(284 + 200 * np.sin(2 * angle))
        picture[top : top + 512, left : left + 512] = face
        yield picture


def sharing() -> Iterator[Row]:
    """One long film in a vault, by one worker and then by two, from the claim of the job to the join."""
    once = at_720p(clips())[0]
    seconds = seconds_by_workers(repeated(once.content, round(SHARED_FILM / min(LONGEST, once.seconds))))
    tell(f"one worker on one core takes {seconds[1]:.0f} s over {SHARED_FILM} s of film, two take {seconds[2]:.0f} s")
    yield Row(
        "a long film looked at by two workers of one core each, share of the time of one", seconds[2] / seconds[1], 0.6, "lower"
    )


# one thing more to measure is one function more, and its name here
MEASURES: list[Callable[[], Iterator[Row]]] = [speed, misses, jitter, identity, near_duplicates, memory, sharing]
