"""Code books: gathered while the faces are at hand, made when the twin has learned. Only workers load this."""

import logging

import numpy as np
from django.db import transaction

from generator.engine.faceset import FaceSet
from generator.engine.scenes.book import BookError
from generator.engine.scenes.puppet import Seen, make_book
from generator.models import Twin
from generator.scenes.books import forget_book
from generator.scenes.models import CodeBookOfTwin
from processing import datasets, tables
from processing.engine.canonical import CROP_SIZE, apply
from twinvault.custody import objects
from twinvault.vaults.models import LifeStage

log = logging.getLogger(__name__)


def gather(life_stage: LifeStage, condition: str) -> Seen:
    """What a code book needs of the faces that a twin learns from, in the order of `datasets.face_set`."""
    table = tables.joined(datasets.dataset(life_stage, condition).faces, ["landmarks", "matrix"])
    in_crop = np.stack([apply(matrix, points) for matrix, points in zip(table.matrix, table.landmarks, strict=True)])
    return Seen(table.landmarks, in_crop / np.float32(CROP_SIZE))


def keep_book(twin: Twin, weights: bytes, faces: FaceSet, seen: Seen) -> CodeBookOfTwin | None:
    """Makes and stores the code book of a twin that has learned. None where its faces are too few: films can still be made."""
    try:
        book = make_book(weights, faces, seen)
    except BookError as error:
        log.info("twin %s has no code book: %s", twin.id, error)
        return None
    stored = objects.store(twin.vault.keyring, "codebook", book.to_bytes())
    with transaction.atomic():
        there = Twin.objects.select_for_update().filter(id=twin.id).exclude(state=Twin.State.RETIRED).exists()
        if there:
            forget_book(twin)
            return CodeBookOfTwin.objects.create(twin=twin, content=stored)
    objects.erase(stored)
    return None
