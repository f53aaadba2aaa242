"""Knowing the subject again: the embeddings of faces that a person confirmed, and who else looks like them."""

import io
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from processing.engine.identity import DIMENSIONS
from processing.models import Analysis, Face, Person
from twinvault.custody import objects
from twinvault.vaults.models import Subject

# mean distance to the confirmed faces below which a person is proposed; stricter than dlib's 0.6 for "the same"
PROPOSE_BELOW = 0.5


def reference(subject: Subject) -> NDArray[np.float32]:
    """Embeddings of the subject's confirmed faces: float32 (N, 128), N = 0 where nobody was confirmed yet."""
    if subject.reference is None:
        return np.zeros((0, DIMENSIONS), np.float32)
    return np.load(io.BytesIO(objects.read(subject.reference)), allow_pickle=False)


def looks_like(embeddings: NDArray[np.float32], known: NDArray[np.float32]) -> bool:
    """Whether a person's embeddings, float32 (M, 128), lie near the confirmed ones, float32 (N, 128)."""
    if not len(embeddings) or not len(known):
        return False
    return float(np.linalg.norm(embeddings[:, None] - known[None], axis=-1).mean()) < PROPOSE_BELOW


def learn_subject(subject: Subject) -> None:
    """Makes the reference anew from everybody who was said to be the subject, and proposes who looks alike. In a transaction.

    1. The embeddings of all people of the vault who are the subject, or not yet named.
    2. Those of the subject, of faces that are kept, become the new reference; the old one is erased.
    3. Whoever is not named yet is proposed or not, by that reference.
    """
    people = {person.id: person for person in Person.objects.filter(analysis__footage__vault_id=subject.vault_id)}
    of_people = _embeddings(subject)
    confirmed = [of_people[key] for key, person in people.items() if person.who == Person.Who.SUBJECT and key in of_people]
    known = np.concatenate([np.zeros((0, DIMENSIONS), np.float32), *confirmed])
    _replace_reference(subject, known)
    unknown = [key for key, person in people.items() if person.who == Person.Who.UNKNOWN]
    alike = [key for key in unknown if key in of_people and looks_like(of_people[key], known)]
    Person.objects.filter(id__in=unknown).update(proposed=False)
    Person.objects.filter(id__in=alike).update(proposed=True)


def _replace_reference(subject: Subject, known: NDArray[np.float32]) -> None:
    current = Subject.objects.select_for_update(of=("self",)).select_related("vault__keyring", "reference").get(id=subject.id)
    old = current.reference
    current.reference = None
    if len(known):
        content = io.BytesIO()
        np.save(content, known, allow_pickle=False)
        current.reference = objects.store(current.vault.keyring, "reference", content.getvalue())
    current.save(update_fields=["reference"])
    objects.erase(old)
    subject.reference = current.reference


def _embeddings(subject: Subject) -> dict[UUID, NDArray[np.float32]]:
    """Person id -> float32 (M, 128) of the faces that may speak for it: kept ones of the subject, all of who is not named yet."""
    analyses = Analysis.objects.filter(footage__vault_id=subject.vault_id).select_related("descriptors__keyring")
    speaking = Face.objects.filter(person__analysis__footage__vault_id=subject.vault_id).exclude(state=Face.State.REJECTED)
    rows: dict[UUID, dict[UUID, list[int]]] = {}
    for analysis_id, person_id, row in speaking.values_list("person__analysis_id", "person_id", "row"):
        rows.setdefault(analysis_id, {}).setdefault(person_id, []).append(row)
    found = {}
    for analysis in analyses:
        if analysis.id not in rows:
            continue
        # one column of the archive: the landmarks beside it are a hundred times as large
        with objects.open_object(analysis.descriptors) as reader, np.load(reader, allow_pickle=False) as table:
            embeddings = table["embedding"]
        for person_id, chosen in rows[analysis.id].items():
            own = embeddings[chosen]
            found[person_id] = own[np.isfinite(own).all(axis=1)]
    return found
