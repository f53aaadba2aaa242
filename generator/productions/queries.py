"""Reads on films."""

from dataclasses import dataclass
from itertools import zip_longest
from string import Formatter

from django.db.models.functions import Coalesce

from generator.marks import FILM_MARKS, Judged, Mark, judge_film, roles_of
from generator.models import Twin
from generator.productions.advice import MOST, advice_for
from generator.productions.models import Film, FurtherPart
from generator.queries import latest_job_state
from generator.services import LEARNING
from twinvault.jobs.models import Job
from twinvault.jobs.queries import latest_job
from twinvault.vaults.models import Vault


def films_of(vault: Vault):
    """Every film of a vault, newest first, with how its rendering stands, or before that the refresh that it waits for."""
    stands = Coalesce(latest_job_state("render_film"), latest_job_state(*LEARNING, of="twin_id"))
    films = vault.films.select_related("twin__life_stage", "ordered_by").prefetch_related("further__twin__vault__subject")
    return films.annotate(job_state=stands)


def job_of(film: Film) -> Job | None:
    """Its rendering; before that has begun, the refresh of a twin that it waits for."""
    if rendering := latest_job(film.id, "render_film"):
        return rendering
    learning = film.further.filter(twin__state=Twin.State.TRAINING).values_list("twin_id", flat=True).first()
    return latest_job(film.twin_id if learning is None or film.twin.state == Twin.State.TRAINING else learning, *LEARNING)


def further_of(film: Film) -> list[FurtherPart]:
    """Who else plays in it, in the order of the roles, each with what was measured of it (`judged`)."""
    parts = list(film.further.select_related("twin__life_stage", "twin__vault__subject"))
    for part, measures in zip_longest(parts, roles_of(film.measures)[1:]):
        part.judged = judge_film(measures) if measures else []
    return parts


@dataclass(frozen=True)
class Missed:
    """A mark that a film was held back for. who: plays the role that missed it; empty where one alone plays."""

    mark: Mark
    who: str


@dataclass(frozen=True)
class Quality:
    """What was measured on a film. judged: its marks. missed: what it was held back for. advice: what would help. more:
    (name, value in words) of what has no mark."""

    judged: list[Judged]
    missed: list[Missed]
    advice: list[str]
    more: list[tuple[str, str]]


def quality_of(film: Film) -> Quality:
    """Its measures beside their marks, and what to do if it missed some."""
    judged = judge_film(film.measures)
    held_for = [mark for mark in FILM_MARKS if mark.measure in film.missed]
    others = list(film.further.select_related("twin__life_stage__subject__vault")) if held_for else []
    missed, advice = [], []
    for twin, measures in zip([film.twin, *(part.twin for part in others)], roles_of(film.measures), strict=False):
        faults = {one.mark for one in judge_film(measures) if one.holds is False} if others else held_for
        marks = [mark for mark in held_for if mark in faults]
        missed += [Missed(mark, twin.life_stage.subject.name if others else "") for mark in marks]
        advice += advice_for(twin, marks, film.vault)
    return Quality(judged, missed, list(dict.fromkeys(advice))[:MOST], _without_mark(film))


def _without_mark(film: Film) -> list[tuple[str, str]]:
    """What was measured and is held against no mark, in words; what could not be measured is left out."""
    rows = [
        ("Frames with the face, of the template's", "{frames_swapped} of {frames_with_face} ({frames} in all)"),
        ("Distance of the face from the actor", "{swap_to_actor:.2f}"),
        ("Distance between person and actor", "{subject_to_actor:.2f}"),
        ("How far eyes and mouth lie from the actor's, of the distance of the eyes", "{expression_error:.1%}"),
        ("Flicker in the face", "{flicker:.2f} grey levels"),
        ("Rendered", "{render_fps} frames a second"),
    ]
    measured = {name: value for name, value in film.measures.items() if value is not None}
    needed = {text: {field for _, field, _, _ in Formatter().parse(text) if field} for _, text in rows}
    return [(name, text.format(**measured)) for name, text in rows if needed[text] <= measured.keys()]
