"""Which twin appears in a film, where the person who orders it does not say so."""

from dataclasses import dataclass

from django.db.models import Prefetch

from generator.engine.looks import LIGHT, POSE, QUALITY, REFRESH, Fit, Looks, fit
from generator.looks import looks_of_scene
from generator.models import Twin
from templates_library.models import TemplateRevision
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage, Vault
from twinvault.vaults.services import NotAllowed


@dataclass(frozen=True)
class Match:
    """The twin for a scene. because: one sentence. refresh: whether it has to learn with the template first."""

    twin: Twin
    because: str
    refresh: bool


def match(vault: Vault, revision: TemplateRevision, life_stage: LifeStage | None = None, role: int = 0) -> Match:
    """The ready twin that fits the light and the pose of a role's face best, of one stage of life if one is wished for.

    The newest version of each stage and light is looked at; one that knows the template before one that does not. NotAllowed if
    no twin is ready. Reads the template's crops, and a small object for each twin.
    """
    ready = _candidates(vault, revision, life_stage)
    if not ready:
        raise NotAllowed(f"No twin{f' of “{life_stage.name}”' if life_stage else ''} is ready: begin one first.")
    if len(ready) == 1:
        of = f" of “{life_stage.name}”" if life_stage else ""
        return Match(ready[0], f"Picked because it is the only twin{of} that is ready.", _is_new_to(ready[0], revision))
    scene = looks_of_scene(revision.role(role))
    fits = [(_fit(twin, scene, revision), twin) for twin in ready]
    fits.sort(key=lambda one: (-round(one[0].score, 3), -one[1].created_at.timestamp()))
    (best, twin), (second, _) = fits[:2]
    return Match(twin, f"Picked because {_reason(best, second, scene)}.", best.refresh)


def _candidates(vault: Vault, revision: TemplateRevision, life_stage: LifeStage | None) -> list[Twin]:
    """The newest ready twin of each stage, light and preset, with `knows`: the template in a list if it has learned with it."""
    library = Prefetch("library", TemplateRevision.objects.filter(id=revision.id), to_attr="knows")
    ready = vault.twins.filter(state=Twin.State.READY).select_related("life_stage", "looks__keyring").prefetch_related(library)
    if life_stage is not None:
        ready = ready.filter(life_stage=life_stage)
    found: dict[tuple, Twin] = {}
    for twin in ready.order_by("version"):
        key = twin.life_stage_id, twin.condition, twin.preset
        before = found.get(key)
        # a refresh is for the templates that its older version does not know; for the others that one stays the better
        if before and twin.refreshed_from_id is not None and (before.knows or not twin.knows):
            continue
        found[key] = twin
    return list(found.values())


def _is_new_to(twin: Twin, revision: TemplateRevision) -> bool:
    return not twin.library.filter(id=revision.id).exists()


def _fit(twin: Twin, scene: Looks, revision: TemplateRevision) -> Fit:
    learned = Looks.load(objects.read(twin.looks)) if twin.looks else None
    quality = twin.measures.get("heldout_ssim") or 0.0
    return fit(scene, learned, twin.condition, quality, refresh=not twin.knows)


def _reason(best: Fit, second: Fit, scene: Looks) -> str:
    """What it is ahead in most."""
    leads = {
        "light": LIGHT * (best.light - second.light),
        "pose": POSE * (best.pose - second.pose),
        "quality": QUALITY * (best.quality - second.quality),
        "refresh": REFRESH * (second.refresh - best.refresh),
    }
    ahead = max(leads, key=leads.__getitem__)
    if leads[ahead] < 0.002:
        return "it is the newest of those that fit the scene alike"
    return {
        "light": f"the scene is {scene.light}, and it knows this light best",
        "pose": "it has seen the face from the sides that the scene shows",
        "quality": "it is the most like of those that fit the scene",
        "refresh": "it has learned with this video already",
    }[ahead]
