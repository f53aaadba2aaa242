"""Reads on twins and house bases."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Count, OuterRef, Q, Subquery

from generator.bases import TRAIN_BASE
from generator.models import Base, Twin, Upkeep
from generator.presets import Device
from generator.refreshing import LEARNING
from processing import dataset_queries, datasets
from processing import queries as faces
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.vaults.models import Vault

# what a twin was started from, with what is said of it
DESCENT = ("refreshed_from", "started_from__life_stage", "base")
NVIDIA = Path("/proc/driver/nvidia/gpus")  # of Linux, where a page must know of GPUs without loading torch


def with_descent(twins):
    """The rows with what `descent.sentence` tells of."""
    return twins.select_related(*DESCENT).prefetch_related("base__library__template")


def latest_job_state(*kinds: str, of: str = "id") -> Subquery:
    """How the newest job of these kinds on each row, or on the row that its column `of` points to, stands."""
    return Subquery(Job.objects.filter(kind__in=kinds, target_id=OuterRef(of)).order_by("-created_at").values("state")[:1])


def twins_of(vault: Vault):
    """Every twin of a vault, newest first, with its life stage, how many films it was used for, and how its training stands."""
    return vault.twins.select_related("life_stage").annotate(
        films_made=Count("films", filter=Q(films__state="ready")), job_state=latest_job_state(*LEARNING)
    )


@dataclass(frozen=True)
class Version:
    """A version of a twin in the list of them. more_faces, closer: what it has more than the one before it, None where that
    cannot be said; closer is of SSIM."""

    twin: Twin
    more_faces: int | None
    closer: float | None

    @property
    def verdict(self) -> str:
        """Whether it is more like than the one before it; within a hundredth nobody sees a difference."""
        if self.closer is None or self.twin.refreshed_from_id:
            return ""
        return "alike" if abs(self.closer) < 0.01 else "better" if self.closer > 0 else "worse"


def versions_of(twin: Twin) -> list[Version]:
    """Every version of the same stage of life and the same light, newest first, each beside the one that learned before it."""
    rows = with_descent(Twin.objects.filter(life_stage=twin.life_stage_id, condition=twin.condition).select_related("life_stage"))
    found: list[Version] = []
    before: Twin | None = None
    for row in rows.order_by("version"):
        faces = row.faces - before.faces if before and row.faces else None
        likeness = row.measures.get("heldout_ssim"), before.measures.get("heldout_ssim") if before else None
        found.append(Version(row, faces, None if None in likeness else likeness[0] - likeness[1]))
        if row.faces and row.refreshed_from_id is None:
            before = row
    return found[::-1]


def learns_by_itself(vault: Vault) -> bool:
    return Upkeep.objects.filter(vault=vault, by_itself=True).exists()


def bases():
    """Every house base, newest first, with what it learned, how many twins started from it, and how its training stands."""
    return (
        Base.objects.select_related("started_from")
        .prefetch_related("library__template")
        .annotate(twins_started=Count("twins", distinct=True), job_state=latest_job_state(TRAIN_BASE))
    )


def life_stages_to_learn(vault: Vault) -> list[dict]:
    """Each life stage with its kept faces, whether they are enough, and whether a training is under way.

    lights: (name, label, faces, faces missing to a twin of its own) of each light that faces were seen in; none while sealed.
    """
    counted = {} if vault.is_locked else dataset_queries.counted_of(vault)
    begun = vault.twins.filter(state=Twin.State.TRAINING, refreshed_from=None)
    learning = set(begun.values_list("life_stage_id", flat=True))
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


def learning_machine() -> tuple[Device, int | None]:
    """On what twins learn, by the last that has, else by this machine; and how many bytes of memory are free, if known."""
    last = Twin.objects.filter(state=Twin.State.READY, measures__has_key="device").order_by("-ready_at").first()
    if (last.measures["device"] if last else "cuda" if NVIDIA.exists() else "cpu") == "cuda":
        return "cuda", None
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return "cpu", next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return "cpu", None


def statistics_of(twin: Twin | Base) -> list[dict]:
    """The rows that a training left: losses by the faces seen, and notices of what went wrong and was put right."""
    if twin.statistics is None:
        return []
    return [json.loads(line) for line in objects.read(twin.statistics).splitlines()]


def notices_of(twin: Twin | Base) -> list[str]:
    """What went wrong while a twin learned, and what was done about it, oldest first."""
    return [row["notice"] for row in statistics_of(twin) if "notice" in row]


def loss_curve(twin: Twin | Base, width: int = 600, height: int = 180, points: int = 200) -> dict | None:
    """The losses of a training as the points of an SVG polyline, and the ends of its axes; None for fewer than two points."""
    rows = [row for row in statistics_of(twin) if "loss" in row]
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
