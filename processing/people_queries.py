"""Reads on who is who. Each function costs the same few queries however many people, faces and films there are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, When, Window
from django.db.models.functions import Coalesce, RowNumber

from acquisition.dating.datings import Source
from processing.models import Face, Person, Track
from twinvault.vaults.models import Vault

PEOPLE_A_PAGE = 24
SCENES_A_PAGE = 40
SAMPLES_A_PERSON = 6
SAMPLES_A_SCENE = 4
FILMS_BY_NAME = 3

PROPOSED = "proposed"
# in the order in which the page shows them: first what waits for an answer
SECTIONS = (PROPOSED, Person.Who.UNKNOWN, Person.Who.UNSURE, Person.Who.SUBJECT, Person.Who.OTHER)


@dataclass
class Section:
    """People of whom the same is known. `count` is of the whole vault, `people` are those on the page."""

    name: str
    count: int = 0
    people: list[Person] = field(default_factory=list)


def section_of(person: Person) -> str:
    return PROPOSED if person.who == Person.Who.UNKNOWN and person.proposed else person.who


def in_section(name: str) -> Q:
    if name == PROPOSED:
        return Q(who=Person.Who.UNKNOWN, proposed=True)
    if name == Person.Who.UNKNOWN:
        return Q(who=Person.Who.UNKNOWN, proposed=False)
    return Q(who=name)


def sections(vault: Vault) -> dict[str, Section]:
    """Every section by its name, also those without anybody. One query."""
    found = {str(name): Section(str(name)) for name in SECTIONS}
    rows = _seen(vault).order_by().values_list("who", "proposed").annotate(count=Count("id"))
    for who, proposed, count in rows:
        found[section_of(Person(who=who, proposed=proposed))].count += count
    return found


def people(vault: Vault, section: str = "") -> QuerySet[Person]:
    """Everybody seen in a vault's footage with `found`, the number of their faces: section by section, who is seen most first.

    Of whom no picture is left comes last.
    """
    seen = _seen(vault).filter(in_section(section)) if section else _seen(vault)
    turn = Case(*(When(in_section(name), then=place) for place, name in enumerate(SECTIONS)))
    faces = Face.objects.filter(track__person=OuterRef("id")).order_by().values("track__person")
    found = Coalesce(Subquery(faces.annotate(count=Count("id")).values("count")), 0)
    return seen.annotate(found=found).order_by(turn, F("erased_at").asc(nulls_first=True), "-found", "id")


def _seen(vault: Vault) -> QuerySet[Person]:
    return Person.objects.filter(Exists(Track.objects.filter(person=OuterRef("id"))), vault=vault)


def to_be_erased(vault: Vault) -> int:
    """How many people were said to be someone else, and have pictures left."""
    return _seen(vault).filter(who=Person.Who.OTHER, erased_at=None).count()


def describe(people: Iterable[Person]) -> list[Person]:
    """Gives each person what its card says, in four queries.

    found, kept, rejected: faces. films: pieces of footage; `film_names` names them where they are few. scenes: tracks.
    first_year, last_year: when it was filmed, as far as that is known. samples: a few of its faces.
    """
    shown = {person.id: person for person in people}
    for person in shown.values():
        person.found = person.kept = person.rejected = person.films = person.scenes = 0
        person.film_names, person.samples, person.first_year, person.last_year = [], [], None, None
    _count_faces(shown)
    _find_films(shown)
    _choose_samples(shown)
    return list(shown.values())


def _count_faces(shown: dict[UUID, Person]) -> None:
    states = Face.objects.filter(track__person__in=shown).order_by().values_list("track__person", "state")
    for person_id, state, count in states.annotate(count=Count("id")):
        person = shown[person_id]
        person.found += count
        person.kept += count if state == Face.State.KEPT else 0
        person.rejected += count if state == Face.State.REJECTED else 0


def _find_films(shown: dict[UUID, Person]) -> None:
    """One row for each film of each person, which is little beside faces. A date that is guessed is not known."""
    known = ~Q(segment__footage__filmed_source=Source.GUESS)
    rows = Track.objects.filter(person__in=shown).order_by().values_list("person", "segment__footage").annotate(
        scenes=Count("id"),
        name=Min("segment__footage__filename"),
        since=Min("segment__footage__filmed_on", filter=known),
        until=Max("segment__footage__filmed_to", filter=known),
    )  # fmt: skip
    for person_id, _, scenes, name, since, until in rows:
        person = shown[person_id]
        person.films += 1
        person.scenes += scenes
        person.film_names.append(name)
        if since:
            person.first_year = min(person.first_year or since.year, since.year)
            person.last_year = max(person.last_year or until.year, until.year)
    for person in shown.values():
        person.film_names = sorted(person.film_names) if person.films <= FILMS_BY_NAME else []


def _choose_samples(shown: dict[UUID, Person]) -> None:
    """One of every scene, then another of every scene, until there are enough."""
    of_tracks = samples_of(_some_tracks(shown), SAMPLES_A_PERSON)
    for place in range(SAMPLES_A_PERSON):
        for track, faces in of_tracks.items():
            samples = shown[track.person_id].samples
            if place < len(faces) and len(samples) < SAMPLES_A_PERSON:
                samples.append(faces[place])


def _some_tracks(people: Iterable[UUID]) -> list[Track]:
    """At most SAMPLES_A_PERSON tracks of each; their ids are random, so that they are of all footage."""
    turn = Window(RowNumber(), partition_by=F("person"), order_by="id")
    return list(Track.objects.filter(person__in=people).annotate(turn=turn).filter(turn__lte=SAMPLES_A_PERSON).order_by("turn"))


def samples_of(tracks: list[Track], each: int) -> dict[Track, list[Face]]:
    """At most `each` faces of every track that can still be seen, those that are kept ahead. One query."""
    # a fixed shuffle: neighbouring rows are neighbouring frames, and look alike
    order = [F("state"), F("row") % 1009 * 7919 % 1009, F("id")]
    turn = Window(RowNumber(), partition_by=F("track"), order_by=order)
    faces = Face.objects.filter(track__in=tracks, offset__gte=0).annotate(turn=turn).filter(turn__lte=each)
    found: dict[UUID, list[Face]] = {}
    for face in faces.order_by("turn"):
        found.setdefault(face.track_id, []).append(face)
    return {track: found.get(track.id, []) for track in tracks}


def scenes(person: Person) -> QuerySet[Track]:
    """Where a person is seen, with `found`, the number of faces: film by film, the oldest ahead, and each from its beginning."""
    faces = Face.objects.filter(track=OuterRef("id")).order_by().values("track")
    tracks = Track.objects.filter(person=person).select_related("segment__footage__life_stage")
    tracks = tracks.annotate(found=Coalesce(Subquery(faces.annotate(count=Count("id")).values("count")), 0))
    day, footage = F("segment__footage__filmed_on").asc(nulls_last=True), "segment__footage"
    return tracks.order_by(day, f"{footage}__added_at", f"{footage}__id", "segment__number", "shot", "starts", "id")
