"""Reads on vaults: what the dashboard and a vault's own page say.

Rows of the apps that stand on the safe box (footage, faces, twins, films) are counted by the names of their relations
to a vault and to a life stage; none of those apps is imported. Each function costs the same few queries however much there is.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from twinvault.vaults import ages
from twinvault.vaults.consents import has_consent
from twinvault.vaults.models import Consent, LifeStage, Membership, Role, Vault

FAILURES_ARE_SHOWN_FOR = timedelta(days=7)
PEOPLE = "footage__segments__tracks__person"
FACES = "footage__segments__tracks__faces"


@dataclass
class VaultCard:
    """One vault on the dashboard."""

    vault: Vault
    role: Role
    footage: int
    twins: int
    films: int
    under_way: int


def vaults_of(user) -> list[VaultCard]:
    """The vaults that a person may enter, the oldest first."""
    memberships = list(
        Membership.objects.filter(user=user).select_related("vault__subject").order_by("vault__created_at", "vault_id")
    )
    vaults = Vault.objects.filter(id__in=[membership.vault_id for membership in memberships])
    footage = _counts(vaults, "footage")
    twins = _counts(vaults, "twins", Q(twins__state="ready"))
    films = _counts(vaults, "films", Q(films__state="ready"))
    under_way = _counts(vaults, "jobs", Q(jobs__state__in=["queued", "running"]))
    return [
        VaultCard(m.vault, Role(m.role), footage[m.vault_id], twins[m.vault_id], films[m.vault_id], under_way[m.vault_id])
        for m in memberships
    ]


def _counts(rows: QuerySet, relation: str, only: Q | None = None) -> Counter:
    """{id: how many rows a relation holds}; one query, apart from the others, since joined counts multiply each other."""
    return Counter(dict(rows.order_by().values_list("id").annotate(count=Count(relation, filter=only))))


@dataclass
class StageSummary:
    """One life stage on the timeline."""

    stage: LifeStage
    footage: int = 0
    seconds: float = 0.0
    refused: int = 0
    found: int = 0
    kept: int = 0
    people_waiting: int = 0
    undecided: int = 0
    twins: list = field(default_factory=list)

    @property
    def ready_twins(self) -> list:
        return [twin for twin in self.twins if twin.state == "ready"]

    @property
    def learning(self) -> bool:
        return any(twin.state == "training" for twin in self.twins)


@dataclass
class Overview:
    """How far a vault has come. consent_waits_for: as `Consent.waits_for` of the newest that waits."""

    vault: Vault
    stages: list[StageSummary]
    consent: bool
    consent_waits_for: str
    open_jobs: list
    failed_jobs: int
    films: list

    def total(self, what: str) -> int:
        return sum(getattr(stage, what) for stage in self.stages)

    @property
    def undecided(self) -> int:
        return self.total("undecided")

    @property
    def looking(self) -> bool:
        return any(job.kind == "analyse_footage" for job in self.open_jobs)


def overview(vault: Vault) -> Overview:
    """`vault.role` is the reader's."""
    stages = LifeStage.objects.filter(subject__vault=vault)
    summaries = {stage.id: StageSummary(stage) for stage in stages.prefetch_related("twins")}
    for summary in summaries.values():
        summary.twins = list(summary.stage.twins.all())
    rows = stages.order_by().values_list("id")
    refused = Count("footage", filter=Q(footage__state="refused"))
    undecided = Count("footage", filter=Q(footage__stage_source="guess") | Q(footage__filmed_source="guess"))
    footage = rows.annotate(all=Count("footage"), seconds=Sum("footage__seconds"), refused=refused, undecided=undecided)
    for stage_id, *counts in footage:
        summary = summaries[stage_id]
        summary.footage, summary.seconds, summary.refused, summary.undecided = counts[0], counts[1] or 0.0, *counts[2:]
    kept = Count(FACES, filter=Q(**{f"{FACES}__state": "kept"}))
    for stage_id, *counts in rows.annotate(all=Count(FACES), kept=kept):
        summaries[stage_id].found, summaries[stage_id].kept = counts
    waiting = Count(PEOPLE, filter=Q(**{f"{PEOPLE}__who": "unknown"}), distinct=True)
    for stage_id, count in rows.annotate(waiting=waiting):
        summaries[stage_id].people_waiting = count
    return Overview(
        vault=vault,
        stages=list(summaries.values()),
        consent=has_consent(vault.subject),
        consent_waits_for=waiting.waits_for if (waiting := vault.subject.consents.waiting().first()) else "",
        open_jobs=list(vault.jobs.filter(state__in=["queued", "running"]).order_by("-state", "created_at")[:20]),
        failed_jobs=_failed_jobs(vault),
        films=list(vault.films.exclude(state="revoked")[:6]),
    )


def would_move(vault: Vault) -> int:
    """Pieces of footage whose date lies in another stage of life than they do, and which no person has put there."""
    subject = vault.subject
    spans = ages.spans_of(subject.life_stages.all(), subject.born, subject.born_on)
    if not spans:
        return 0
    dated = vault.footage.filter(filmed_on__isnull=False).exclude(stage_source="person").order_by()
    groups = dated.values_list("filmed_on", "filmed_to", "life_stage_id").annotate(count=Count("id"))
    moving = 0
    for first, last, stage_id, count in groups:
        stage, _ = ages.stage_at(spans, first, last)
        moving += count if stage is not None and stage.id != stage_id else 0
    return moving


@dataclass
class KnownConsent:
    """A consent as its page tells of it. ends: what ends if it is withdrawn, in words; None while another one is in force."""

    consent: Consent
    in_force: bool
    ends: list[str] | None


def consents_of(vault: Vault) -> list[KnownConsent]:
    """All that were ever recorded for its subject, the newest first."""
    rows = vault.subject.consents.select_related("recorded_by", "subject__vault__keyring", "document", "recording")
    rows = list(rows.prefetch_related("life_stages", "reviews__reviewer"))
    in_force = set(vault.subject.consents.in_force().values_list("id", flat=True))
    ends = _rests_on_consent(vault)
    return [KnownConsent(row, row.id in in_force, None if in_force - {row.id} else ends) for row in rows]


def _rests_on_consent(vault: Vault) -> list[str]:
    """`2 twins`, `1 film`: what there is that nothing but a consent keeps."""
    counts = {
        "twin": vault.twins.exclude(state="retired").count(),
        "film": vault.films.exclude(state="revoked").count(),
        "clip": vault.clips.exclude(state="revoked").count(),
    }
    return [f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items() if count]


def _failed_jobs(vault: Vault) -> int:
    """Jobs that failed lately, and whose work nobody has begun anew since."""
    later = vault.jobs.filter(kind=OuterRef("kind"), target_id=OuterRef("target_id"), created_at__gt=OuterRef("created_at"))
    lately = timezone.now() - FAILURES_ARE_SHOWN_FOR
    return vault.jobs.filter(~Exists(later), state="failed", ended_at__gte=lately).count()
