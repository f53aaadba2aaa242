"""What pages and services read of footage and uploads."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from acquisition.dating import Source
from acquisition.models import Footage, Upload
from twinvault.jobs.models import Job
from twinvault.vaults.models import Vault


def footage_of(vault: Vault) -> QuerySet[Footage]:
    """All footage of a vault, newest first, with its life stage."""
    return vault.footage.select_related("life_stage", "content", "added_by")


def undecided(vault: Vault) -> QuerySet[Footage]:
    """Footage whose date or whose stage of life is a guess that waits to be confirmed."""
    return footage_of(vault).filter(Q(stage_source=Footage.StageSource.GUESS) | Q(filmed_source=Source.GUESS))


def jobs_of_footage(footage: Footage) -> QuerySet[Job]:
    """Every job on this piece of footage, newest first."""
    return Job.objects.filter(target_id=footage.id)


def unfinished_uploads(vault: Vault, user) -> QuerySet[Upload]:
    """What this person began to send and did not end, oldest first."""
    return (
        vault.uploads.filter(user=user, footage__isnull=True, refusal="", said="", expires_at__gt=timezone.now())
        .select_related("life_stage")
        .defer("tail", "wrapped_key")
        .order_by("created_at")
    )
