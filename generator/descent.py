"""What a twin starts from, so that it need not learn again what is known already."""

from dataclasses import dataclass

from django.db.models import Q

from generator.models import Base, Twin


@dataclass(frozen=True)
class Start:
    """Where a training begins: at a twin of the same person, at the house base, or, with neither, at nothing."""

    twin: Twin | None = None
    base: Base | None = None


def newest_base(preset: str) -> Base | None:
    """The newest ready base of a preset. One that learned a template withdrawn since is never given, whether it is retired yet
    or not."""
    ready = Base.objects.filter(preset=preset, state=Base.State.READY, weights__isnull=False)
    tainted = Base.objects.filter(library__template__withdrawn_at__isnull=False).values("id")
    return ready.exclude(id__in=tainted).select_related("weights__keyring").order_by("-version").first()


def start_of(twin: Twin) -> Start:
    """What a new twin starts from, of what is ready now and has its preset. A refreshed version is no start: it has not seen
    its person again, and what it was refreshed from has. The first that there is:

    1. the version before it, of the same stage of life and the same light;
    2. for a twin of one light, the newest of all light of its stage;
    3. the newest of all light of another stage of life, of the stage that is nearest;
    4. the house base.
    """
    own = Twin.objects.filter(vault=twin.vault_id, preset=twin.preset, state=Twin.State.READY, weights__isnull=False)
    own = own.filter(refreshed_from=None)
    own = own.exclude(id=twin.id).select_related("life_stage", "weights__keyring").order_by("-version")
    here = Q(life_stage=twin.life_stage_id)
    found = own.filter(here, condition=twin.condition).first()
    if found is None and twin.condition:
        found = own.filter(here, condition="").first()
    if found is None:
        place = twin.life_stage.position
        others = own.filter(condition="").exclude(here)
        found = min(
            others, key=lambda other: (abs(other.life_stage.position - place), -other.created_at.timestamp()), default=None
        )
    return Start(twin=found) if found else Start(base=newest_base(twin.preset))


def sentence(twin: Twin) -> str:
    """What a twin was started from, in words. It costs no query where `queries.with_descent` read the twin."""
    if twin.refreshed_from:
        return f"Refreshed from version {twin.refreshed_from.version}, to learn with a video that was approved later."
    if twin.started_from:
        return f"Started from {twin.started_from.learned_from}, version {twin.started_from.version}."
    if twin.base:
        titles = ", ".join(f"“{revision.template.title}”" for revision in twin.base.library.all())
        since = (
            " It was retired since: a template of it was withdrawn." if twin.base.retired_because == Base.Why.WITHDRAWN else ""
        )
        return f"Started from house base version {twin.base.version}, learned with {titles}.{since}"
    return "Started from nothing."
