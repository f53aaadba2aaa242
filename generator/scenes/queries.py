"""Reads on scenes."""

from dataclasses import dataclass
from string import Formatter

from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from generator.engine.scenes.drive import hardly_seen
from generator.models import Twin
from generator.queries import latest_job_state
from generator.scenes.books import book_of
from generator.scenes.configuration import Configuration
from generator.scenes.models import Clip, CodeBookOfTwin, Scene, SceneReview, SceneRevision
from templates_library.models import Review
from twinvault.custody import objects
from twinvault.vaults.models import Vault
from twinvault.vaults.reviewing import APPROVALS_NEEDED
from twinvault.vaults.services import NotAllowed


def twins_for_scenes(vault: Vault) -> QuerySet[Twin]:
    """Those that are ready and have a code book."""
    book = CodeBookOfTwin.objects.filter(twin=OuterRef("id"))
    return vault.twins.filter(Exists(book), state=Twin.State.READY).select_related("life_stage")


def reaches_of(vault: Vault) -> list[tuple[Twin, str]]:
    """What each twin for scenes can do, in a sentence."""
    return [(twin, _reach(twin)) for twin in twins_for_scenes(vault)]


def _reach(twin: Twin) -> str:
    try:
        seen = book_of(twin).range
    except NotAllowed as error:
        return str(error).rstrip(".")
    ends = (-seen.low[0], seen.high[0], -seen.low[1], seen.high[1])
    left, right, down, up = (max(0, round(float(degrees))) for degrees in ends)
    sentence = f"turns up to {left} degrees to the left and {right} to the right, {down} down and {up} up"
    faint = [name.replace("_", " ") for name in hardly_seen(seen)]
    return f"{sentence}; was hardly seen to show: {', '.join(faint)}" if faint else sentence


def scenes_of(vault: Vault) -> list[Scene]:
    """Every scene, newest first, each with `latest`: its last revision, and `standing`."""
    scenes = list(vault.scenes.select_related("submitted_by").prefetch_related(Prefetch("revisions", queryset=_revisions())))
    for scene in scenes:
        scene.latest = scene.revisions.all()[0]
        scene.standing = standing(scene, scene.latest)
    return scenes


def _revisions() -> QuerySet[SceneRevision]:
    clips = Clip.objects.select_related("ordered_by", "content").annotate(job_state=latest_job_state("render_scene"))
    reviews = SceneReview.objects.select_related("reviewer")
    return (
        SceneRevision.objects.order_by("-number")
        .select_related("author", "twin__life_stage", "configuration__keyring")
        .prefetch_related(Prefetch("reviews", queryset=reviews), Prefetch("clips", queryset=clips))
    )


def revisions_of(scene: Scene) -> list[SceneRevision]:
    """Newest first, each with `standing` and `asked`: its configuration, read."""
    revisions = list(_revisions().filter(scene=scene))
    for revision in revisions:
        revision.standing = standing(scene, revision)
        revision.asked = read_configuration(revision)
    return revisions


def read_configuration(revision: SceneRevision) -> Configuration:
    return Configuration.from_json(objects.read(revision.configuration))


@dataclass(frozen=True)
class Standing:
    """Where a revision stands with the board: a word for a badge, the badge's kind, and a sentence."""

    word: str
    kind: str
    sentence: str


def standing(scene: Scene, revision: SceneRevision) -> Standing:
    words = [review.decision for review in revision.reviews.all()]
    if scene.withdrawn_at:
        return Standing("withdrawn", "bad", f"Withdrawn on {scene.withdrawn_at:%d %B %Y}.")
    if Review.Decision.REJECT in words:
        return Standing("rejected", "bad", "The board rejected this revision; a new one may be sent.")
    if len(words) >= APPROVALS_NEEDED:
        return Standing("approved", "good", "Approved by the board: it can be made.")
    return Standing("in review", "wait", f"{len(words)} of {APPROVALS_NEEDED} approvals.")


def scenes_under_review() -> list[Scene]:
    """What waits for the board, oldest first: scenes that are not withdrawn and whose latest revision is undecided."""
    rows = Scene.objects.filter(withdrawn_at=None, vault__memberships__isnull=False).distinct().select_related("submitted_by")
    scenes = list(rows.order_by("created_at").prefetch_related(Prefetch("revisions", queryset=_revisions())))
    for scene in scenes:
        scene.latest = scene.revisions.all()[0]
        scene.standing = standing(scene, scene.latest)
    return [scene for scene in scenes if scene.standing.word == "in review"]


def measures_of(clip: Clip) -> list[tuple[str, str]]:
    """What was measured on a clip, in words; what could not be measured is left out."""
    rows = [
        ("Likeness: distance to the subject (under 0.6 is the same person)", "{distance_to_subject:.2f}"),
        ("Expression seen against expression asked for: mean difference", "{expression_error:.0%} of what this face can do"),
        ("Turn of the head: mean difference", "{turn_error_degrees:.1f} degrees"),
        ("Restlessness of the face", "{flicker:.2f} grey levels"),
        ("Frames in which a face is seen", "{frames_with_face} of {frames_measured} that were looked at"),
        ("Framing", "{framing}"),
        ("Rendered", "{render_fps} frames a second"),
    ]
    measured = {name: value for name, value in clip.measures.items() if value is not None}
    needed = {text: {field for _, field, _, _ in Formatter().parse(text) if field} for _, text in rows}
    return [(name, text.format(**measured)) for name, text in rows if needed[text] <= measured.keys()]
