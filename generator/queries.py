"""Reads on twins."""

import json

from django.db.models import Count, OuterRef, Q, Subquery

from generator.models import Twin
from processing import dataset_queries, datasets
from processing import queries as faces
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.vaults.models import Vault


def latest_job_state(kind: str) -> Subquery:
    """How the newest job of a kind on each row stands, to annotate rows with."""
    return Subquery(Job.objects.filter(kind=kind, target_id=OuterRef("id")).order_by("-created_at").values("state")[:1])


def latest_job(kind: str, target_id) -> Job | None:
    return Job.objects.filter(kind=kind, target_id=target_id).order_by("-created_at").first()


def twins_of(vault: Vault):
    """Every twin of a vault, newest first, with its life stage, how many films it was used for, and how its training stands."""
    return vault.twins.select_related("life_stage").annotate(
        films_made=Count("films", filter=Q(films__state="ready")), job_state=latest_job_state("train_twin")
    )


def life_stages_to_learn(vault: Vault) -> list[dict]:
    """Each life stage with its kept faces, whether they are enough, and whether a training is under way.

    lights: (name, label, faces, faces missing to a twin of its own) of each light that faces were seen in; none while sealed.
    """
    counted = {} if vault.is_locked else dataset_queries.counted_of(vault)
    learning = set(vault.twins.filter(state=Twin.State.TRAINING).values_list("life_stage_id", flat=True))
    return [
        {
            "stage": stage,
            "kept": counts.kept,
            "missing": max(0, datasets.MINIMUM_FACES - counts.kept),
            "learning": stage.id in learning,
            "lights": dataset_queries.lights(counted.get(stage.id)),
        }
        for stage, counts in faces.counts_by_stage(vault)
    ]


def loss_curve(twin: Twin, width: int = 600, height: int = 180, points: int = 200) -> dict | None:
    """The losses of a training as the points of an SVG polyline, and the ends of its axes; None for fewer than two points."""
    if twin.statistics is None:
        return None
    rows = [json.loads(line) for line in objects.read(twin.statistics).splitlines()]
    if len(rows) < 2:
        return None
    rows = rows[:: max(1, len(rows) // points)]
    seconds = [row["seconds"] for row in rows]
    losses = [row["loss"] for row in rows]
    low, high = min(losses), max(losses)
    steps = [
        (
            width * (second - seconds[0]) / max(seconds[-1] - seconds[0], 1e-9),
            height * (1 - (loss - low) / max(high - low, 1e-9)),
        )
        for second, loss in zip(seconds, losses, strict=True)
    ]
    return {
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in steps),
        "width": width,
        "height": height,
        "first": losses[0],
        "last": losses[-1],
        "low": low,
        "high": high,
        "seconds": seconds[-1],
    }
