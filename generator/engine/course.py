"""How far a training has come: its stages, its rate, and when it is over."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

from .config import TwinConfig

Stage = Literal["warped", "straight", "finish"]

_LAST_PART = 0.15  # of the faces seen up to the plateau: so long the rate takes to run down after it


def schedule(config: TwinConfig, step: int, done: float) -> float:
    """Part of the full learning rate, 0..1: linear warm-up over steps, then a cosine over `done`, the part of the
    training that lies behind (0..1), so that it ends low however quick the machine is."""
    warm = min(1.0, (step + 1) / max(1, config.warm_up))
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, done))))
    return warm * (config.final_rate + (1.0 - config.final_rate) * cosine)


def stage_at(config: TwinConfig, done: float) -> Stage:
    """warped: the input is bent. straight: it is not. finish: nor is it here, and the critic has its say."""
    if config.adversarial > 0.0 and done >= config.adversarial_from:
        return "finish"
    return "warped" if done < config.warp_until else "straight"


@dataclass
class Course:
    """What a training has to go, by time, by faces seen, and by whether it still gets better.

    On a plateau it does not end at once: a rate that is still high leaves a network that is rougher than it needs to be. It goes
    over into its last part, in which the rate runs down and every stage that is left has its turn.
    """

    config: TwinConfig
    seconds: float | None
    images: int | None
    best: float = -1.0  # held-out SSIM
    best_at: int = 0  # faces seen when it was reached
    left_at: int | None = None  # faces seen when the plateau was noticed
    done_then: float = 0.0

    def done(self, seconds: float, images_seen: int) -> float:
        """The part of the training that lies behind; 1 or more when it is over."""
        done = max(seconds / self.seconds if self.seconds else 0.0, images_seen / self.images if self.images else 0.0)
        if self.left_at is None:
            return done
        since = (images_seen - self.left_at) / max(1.0, self.left_at * _LAST_PART)
        return max(done, self.done_then + (1.0 - self.done_then) * since)

    def judge(self, ssim: float, images_seen: int, done: float) -> bool:
        """Take note of a held-out SSIM; True at the moment from which the training goes into its last part. One that is not a
        number, as nothing was held out, says nothing."""
        if math.isnan(ssim):
            return False
        if ssim > self.best + self.config.plateau_gain:
            self.best, self.best_at = ssim, images_seen
        if self.left_at is not None or images_seen - self.best_at < self.config.plateau_images:
            return False
        self.left_at, self.done_then = images_seen, done
        return True

    def to_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: all but the ends, which whoever resumes may set anew."""
        return {each.name: getattr(self, each.name) for each in fields(self)[3:]}

    def resume(self, kept: dict[str, Any]) -> None:
        """The inverse of `to_dict`."""
        for name, value in kept.items():
            setattr(self, name, value)
