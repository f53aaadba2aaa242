"""From a few words (smile here, look there, say this) to what a face does in every frame."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .drive import AXES, Range, parts_of

Floats = NDArray[np.float32]

EASE = 0.16  # seconds, deviation of the Gaussian that turns steps between expressions into movements of some half a second
HEAD_EASE = 0.3
SPEECH_EASE = 0.045
BLINK = (0.08, 0.04, 0.16)  # seconds: closing, shut, opening
BLINKS_APART = (2.2, 5.5)  # seconds, uniform
# Slow movements of a head that is held still: degrees and seconds of two sines each for yaw, pitch, roll.
_SWAY = (((1.1, 5.3), (0.5, 2.9)), ((0.7, 4.1), (0.3, 2.3)), ((0.8, 6.1), (0.3, 3.7)))

# What a mouth does for a sound, as parts of the way from rest: (open, wide). Consonants that no one sees are left out.
_VOWELS = {"a": (0.75, 0.1), "e": (0.45, 0.35), "i": (0.3, 0.5), "o": (0.5, -0.5), "u": (0.25, -0.8), "y": (0.3, -0.3)}
_SHUT = dict.fromkeys("mbp", (-1.0, 0.0)) | dict.fromkeys("fvw", (-0.4, -0.1))
_SYLLABLE, _LIPS, _SPACE, _STOP = 0.15, 0.07, 0.04, 0.28  # seconds


@dataclass(frozen=True)
class Beat:
    """From `at` seconds on the face shows a named expression, to `strength` (0..1) of the most that was seen, until the next one.
    `says` only where it speaks: what the mouth forms; it is not heard."""

    at: float
    show: str
    strength: float = 1.0
    says: str = ""


@dataclass(frozen=True)
class Look:
    """At `at` seconds the head is turned so, in degrees: yaw to the right of the picture, pitch up, roll tilts clockwise."""

    at: float
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Motion:
    """What is asked for in each of T frames. drives: float32 (T, 7), see `drive.AXES`; roll: float32 (T,) degrees, which the
    drawn crop does not hold, since every crop lies upright."""

    drives: Floats
    roll: Floats

    def __len__(self) -> int:
        return len(self.roll)


def plan(beats: Sequence[Beat], path: Sequence[Look], seconds: float, rate: float, seen: Range, seed: int = 0) -> Motion:
    """Frames of a scene, the same for the same seed. beats, path: in order of time; before the first the face rests, and the
    head is as in the first. rate: frames a second. What lies beyond `seen` is cut to it."""
    count = max(1, round(seconds * rate))
    times = np.arange(count, dtype=np.float32) / np.float32(rate)
    draws = np.random.default_rng(seed)
    parts = np.zeros((count, len(AXES)), np.float32)
    speech = np.zeros_like(parts)
    ends = [*(beat.at for beat in beats[1:]), seconds]
    for beat, until in zip(beats, ends, strict=False):
        rows = times >= beat.at
        parts[rows] = parts_of(beat.show) * beat.strength
        if beat.says:
            speech += _speech(beat, until, times)
    parts = smooth(parts, EASE * rate) + smooth(speech, SPEECH_EASE * rate)
    parts = _blink(np.clip(parts, -1.0, 1.0), times, draws)

    head = _head(path, times, draws, rate)
    drives = seen.at(np.clip(parts, -1.0, 1.0))
    drives[:, :2] = head[:, :2]
    return Motion(np.clip(drives, seen.low, seen.high).astype(np.float32), head[:, 2])


def smooth(values: Floats, spread: float) -> Floats:
    """Gaussian mean along the first axis, the ends held. values: float32 (T, C). spread: frames."""
    if spread <= 0.05 or len(values) < 2:
        return values
    reach = min(len(values) - 1, int(np.ceil(3 * spread)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2).astype(np.float32)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    filtered = cv2.filter2D(padded, -1, (kernel / kernel.sum())[:, None], borderType=cv2.BORDER_REPLICATE)
    return np.asarray(filtered, np.float32).reshape(padded.shape)[reach : reach + len(values)]


def speaking_seconds(text: str) -> float:
    """How long it takes to say a text."""
    return float(sum(length for _, length in _sounds(text)))


def _sounds(text: str) -> list[tuple[tuple[float, float], float]]:
    """Mouth shapes (open, wide) one after the other, and how long each is held, seconds."""
    sounds: list[tuple[tuple[float, float], float]] = []
    for letter in unicodedata.normalize("NFD", text.lower()):
        if letter in _VOWELS:
            sounds.append((_VOWELS[letter], _SYLLABLE))
        elif letter in _SHUT:
            sounds.append((_SHUT[letter], _LIPS))
        elif letter in ".!?;:…。！？\n":
            sounds.append(((-0.5, 0.0), _STOP))
        elif letter.isspace() or letter in ",-–—、":
            sounds.append(((0.0, 0.0), _SPACE))
        elif letter.isalpha() and not letter.isascii():
            # Letters of other scripts: one syllable each, the vowel taken from the letter so that the mouth varies.
            sounds.append((list(_VOWELS.values())[ord(letter) % len(_VOWELS)], _SYLLABLE))
        elif letter.isdigit():
            sounds += [(_VOWELS["e"], _SYLLABLE), (_VOWELS["o"], _SYLLABLE)]
    return sounds


def _speech(beat: Beat, until: float, times: Floats) -> Floats:
    parts = np.zeros((len(times), len(AXES)), np.float32)
    begins = beat.at + 0.1
    for (opened, wide), length in _sounds(beat.says):
        rows = (times >= begins) & (times < min(begins + length, until))
        parts[rows, AXES.index("open")] = opened * beat.strength
        parts[rows, AXES.index("wide")] = wide * beat.strength
        begins += length
    return parts


def _blink(parts: Floats, times: Floats, draws: np.random.Generator) -> Floats:
    """Eyes shut now and then. Whoever has them shut already does not open them for it."""
    eyes = AXES.index("eyes")
    closing, shut, opening = BLINK
    at = float(draws.uniform(0.6, BLINKS_APART[1] / 2))
    share = np.zeros(len(times), np.float32)
    while at < times[-1]:
        since = times - at
        share = np.maximum(share, np.clip(np.minimum(since / closing, 1.0 - (since - closing - shut) / opening), 0.0, 1.0))
        at += float(draws.uniform(*BLINKS_APART))
    share = share * share * (3.0 - 2.0 * share)
    blinked = parts.copy()
    blinked[:, eyes] = parts[:, eyes] + share * (-1.0 - parts[:, eyes])
    return blinked


def _head(path: Sequence[Look], times: Floats, draws: np.random.Generator, rate: float) -> Floats:
    """yaw, pitch, roll in degrees: float32 (T, 3)."""
    keys = path or [Look(0.0)]
    at = [look.at for look in keys]
    angles = np.stack(
        [np.interp(times, at, [getattr(look, name) for look in keys]) for name in ("yaw", "pitch", "roll")], axis=1
    ).astype(np.float32)
    angles = smooth(angles, HEAD_EASE * rate)
    for column, sines in enumerate(_SWAY):
        for degrees, period in sines:
            angles[:, column] += degrees * np.sin(2 * np.pi * (times / period + draws.random()), dtype=np.float32)
    return angles
