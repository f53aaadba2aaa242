"""What a film, and a twin, must reach: one table, in the words of the person who reads it.

A film that misses a mark is held back until an owner has looked at it. The bounds are where people begin to see the fault;
they were set between films of twins that had learned well and of twins that had hardly learned.
"""

from dataclasses import dataclass
from typing import Any

# Distance up to which two people are one for certain; strangers are 0.6 and more apart.
SURELY_ONE_PERSON = 0.45
# What footage helps, asked of the advice on a dataset; see `advice.footage_for`.
FACES, EXPRESSION, DIRECTION, LIGHT, TEMPLATE, LONGER = "faces", "expression", "direction", "light", "template", "longer"


@dataclass(frozen=True)
class Mark:
    """One thing that must hold.

    measure     its name among the measures          label    what is measured, in plain words
    bound       and whether a value may be at most (`most`) or must be at least that
    shown       how a value is written, with its unit
    missed      one sentence to the person when it does not hold
    helps       kinds of footage, or other things, that would help, the best first
    """

    measure: str
    label: str
    bound: float
    most: bool
    shown: str
    missed: str
    helps: tuple[str, ...]

    def holds(self, value: float) -> bool:
        return value <= self.bound if self.most else value >= self.bound

    @property
    def wanted(self) -> str:
        """The bound in words: "at most 4.0 %"."""
        return f"at {'most' if self.most else 'least'} {self.shown.format(self.bound)}"


FILM_MARKS = (
    Mark(
        "share_swapped",
        "Frames with a face that bear the new one",
        1.0,
        False,
        "{:.0%}",
        "In some frames the actor's own face is still to be seen.",
        (TEMPLATE,),
    ),
    Mark(
        "faces_lost",
        "Frames in which no face can be made out any more",
        0.05,
        True,
        "{:.0%}",
        "In some frames the face is so far gone that it is no face any more.",
        (LONGER, DIRECTION, FACES),
    ),
    Mark(
        "swap_to_subject",
        "Distance of the face from the person (the same person is under 0.60)",
        0.55,
        True,
        "{:.2f}",
        "The face does not look enough like the person.",
        (FACES, LIGHT, LONGER),
    ),
    Mark(
        "likeness_margin",
        "How much nearer the face is to the person than to the actor",
        0.0,
        False,
        "{:.2f}",
        "The face looks more like the actor than like the person.",
        (FACES, LONGER),
    ),
    Mark(
        "landmark_error",
        "How far the face lies from where the actor's lay (part of the distance of the eyes)",
        0.04,
        True,
        "{:.1%}",
        "The face does not lie where the actor's face lay.",
        (DIRECTION, EXPRESSION, LONGER),
    ),
    Mark(
        "expression_followed",
        "How much of the actor's movement of mouth and eyelids the face follows",
        0.2,
        False,
        "{:.0%}",
        "The face hardly moves: mouth and eyelids stay still while the actor speaks and blinks.",
        (LONGER, EXPRESSION, FACES),
    ),
    Mark(
        "detail_ratio",
        "Fine detail in the face, the template's own being 1",
        0.6,
        False,
        "{:.2f}",
        "The face is blurred beside the video it was put into.",
        (LONGER, FACES),
    ),
    Mark(
        "flicker_ratio",
        "Flicker in the face, the template's own being 1",
        1.3,
        True,
        "{:.2f}",
        "The face flickers more than the video it was put into.",
        (LIGHT, DIRECTION, LONGER),
    ),
    Mark(
        "seam_gradient",
        "Steepness along the edge of the face, the template's own being 1",
        1.4,
        True,
        "{:.2f}",
        "The edge of the face can be seen.",
        (LIGHT, TEMPLATE),
    ),
    Mark(
        "background_psnr_db",
        "Likeness of the untouched picture round the face",
        38.0,
        False,
        "{:.1f} dB",
        "The picture round the face was changed, which should never be.",
        (TEMPLATE,),
    ),
)

TWIN_MARKS = (
    Mark(
        "heldout_ssim",
        "Likeness on faces it never saw (SSIM, 1 is the same)",
        0.85,
        False,
        "{:.3f}",
        "Faces that it never saw are not rebuilt well yet.",
        (LONGER, FACES),
    ),
    Mark(
        "heldout_perceptual_subject",
        "How different rebuilt faces look to a person (perceptual distance, 0 is the same)",
        0.08,
        True,
        "{:.3f}",
        "Faces that it never saw come out blurred or changed.",
        (LONGER, FACES),
    ),
    Mark(
        "heldout_rebuilt_to_subject",
        "Distance of rebuilt faces from the person (the same person is under 0.60)",
        0.55,
        True,
        "{:.2f}",
        "The person is not recognised in rebuilt faces.",
        (FACES, LONGER),
    ),
    Mark(
        "heldout_swapped_to_subject",
        "Distance from the person when put into templates (the same person is under 0.60)",
        0.55,
        True,
        "{:.2f}",
        "Put into a template, the face does not look enough like the person.",
        (FACES, LIGHT, LONGER),
    ),
    Mark(
        "heldout_likeness_margin",
        "How much nearer to the person than to the template's actor it is then",
        0.0,
        False,
        "{:.2f}",
        "Put into a template, the face looks more like the actor than like the person.",
        (FACES, LONGER),
    ),
)


@dataclass(frozen=True)
class Judged:
    """A mark with what was measured; `value` None where it could not be."""

    mark: Mark
    value: float | None
    before: bool = False  # of a refreshed twin: measured on the version that it was refreshed from

    @property
    def holds(self) -> bool | None:
        return None if self.value is None else self.mark.holds(self.value)

    @property
    def text(self) -> str:
        if self.value is None:
            return "not measured"
        # a share of less than nothing, from a face that moves against the actor's, is none to a reader
        return self.mark.shown.format(max(0.0, self.value) if "%" in self.mark.shown else self.value)


def judge_film(measures: dict[str, Any]) -> list[Judged]:
    """Every mark of a film with its value; measures as `rendering.render` gives them."""
    told = dict(measures)
    with_face, subject, actor = (told.get(name) for name in ("frames_with_face", "swap_to_subject", "swap_to_actor"))
    if with_face:
        told["share_swapped"] = told.get("frames_swapped", 0) / with_face
    # between a person and themselves nobody is nearer: an actor who is the subject leaves nothing to be told apart
    if subject is not None and actor is not None and (told.get("subject_to_actor") or 1.0) > SURELY_ONE_PERSON:
        told["likeness_margin"] = round(actor - subject, 4)
    return [Judged(mark, told.get(mark.measure)) for mark in FILM_MARKS]


def judge_twin(measures: dict[str, Any]) -> list[Judged]:
    """Every mark of a twin with its value; measures as its training and `measure_twin` give them, or its refresh."""
    told, before = dict(measures), measures.get("of_predecessor", ())
    subject, actor = (told.get(name) for name in ("heldout_swapped_to_subject", "heldout_swapped_to_actor"))
    if subject is not None and actor is not None:
        told["heldout_likeness_margin"] = actor - subject
    return [Judged(mark, told.get(mark.measure), mark.measure in before) for mark in TWIN_MARKS]


def missed_by(measures: dict[str, Any]) -> list[str]:
    """Names of the measures of a film, in any of its roles, that do not reach their marks; what could not be measured is not
    held against it."""
    return list(dict.fromkeys(judged.mark.measure for judged in faults_of(measures)))


def faults_of(measures: dict[str, Any]) -> list[Judged]:
    """The marks of a film that do not hold, one role after the other."""
    return [judged for role in roles_of(measures) for judged in judge_film(role) if judged.holds is False]


def roles_of(measures: dict[str, Any]) -> list[dict[str, Any]]:
    """The measures of each role, of the film's own twin first, with which those of the film as a whole are."""
    return [measures, *measures.get("further", [])]
