"""Scenes, their clips and the twins' code books, as the safe erases, exports and imports them.

What the board said of a scene is neither exported nor imported: a scene that comes from elsewhere is approved by the board here.
"""

from collections.abc import Iterator
from uuid import UUID

from generator.models import Twin
from generator.scenes.models import Clip, CodeBookOfTwin, Scene, SceneRevision
from twinvault.custody.objects import destroy_keys
from twinvault.jobs.models import Job
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Scope
from twinvault.vaults.models import Vault


def rows(vault: Vault) -> list[Rows]:
    revisions = SceneRevision.objects.filter(scene__vault=vault).exclude(twin__state=Twin.State.TRAINING)
    return [
        Rows(CodeBookOfTwin.objects.filter(twin__vault=vault).exclude(twin__state=Twin.State.TRAINING)),
        Rows(vault.scenes.all()),
        Rows(revisions),
        Rows(vault.clips.filter(revision__in=revisions).exclude(state=Clip.State.ORDERED)),
    ]


def erase(vault: Vault, scope: Scope) -> None:
    if scope == Scope.SOURCES:
        return
    books = CodeBookOfTwin.objects.filter(twin__vault=vault)
    revisions = SceneRevision.objects.filter(scene__vault=vault)
    # some may have been stored after the keys were destroyed
    destroy_keys(books.values_list("content_id", flat=True))
    destroy_keys(vault.clips.exclude(content=None).values_list("content_id", flat=True))
    destroy_keys(revisions.values_list("configuration_id", flat=True))
    destroy_keys(revisions.exclude(background=None).values_list("background_id", flat=True))
    Job.objects.filter(target_id__in=vault.clips.values("id")).delete()
    vault.clips.all().delete()
    vault.scenes.all().delete()
    books.delete()


def paths(vault: Vault) -> Iterator[tuple[UUID, str]]:
    for clip in vault.clips.filter(content__isnull=False).select_related("revision__scene"):
        yield clip.content_id, f"scenes/{_folder(clip.revision)}/clip {clip.ordered_at:%Y-%m-%d} {str(clip.id)[:8]}.mp4"
    for revision in SceneRevision.objects.filter(scene__vault=vault).select_related("scene"):
        yield revision.configuration_id, f"scenes/{_folder(revision)}/configuration.json"
        if revision.background_id:
            yield revision.background_id, f"scenes/{_folder(revision)}/background.jpg"


def _folder(revision: SceneRevision) -> str:
    return f"scene {revision.scene.number}, revision {revision.number}"


HOLDING = Holding("scenes", models=(CodeBookOfTwin, Scene, SceneRevision, Clip), rows=rows, erase=erase, paths=paths)
