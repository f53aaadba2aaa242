"""The gate to what was seen in footage. An outsider is told that nothing is there."""

from uuid import UUID

from django.http import Http404

from processing.models import Face, Person
from twinvault.vaults.access import require_role
from twinvault.vaults.models import Role


def person_for(user, person_id: UUID, least: Role = Role.VIEWER) -> Person:
    person = Person.objects.select_related("vault__subject", "vault__keyring__archive").filter(id=person_id).first()
    if person is None:
        raise Http404
    person.vault.role = require_role(user, person.vault_id, least)
    return person


def face_for(user, face_id: int, least: Role = Role.VIEWER) -> Face:
    """A face whose picture is still there; an erased one is not there for anybody. `.role` of its person's vault is set."""
    rows = Face.objects.select_related(
        "track__person__vault__subject",
        "track__person__vault__keyring__archive",
        "track__segment__footage__life_stage",
        "track__segment__pack__keyring",
        "track__segment__descriptors__keyring",
    )
    face = rows.filter(id=face_id, offset__gte=0).first()
    if face is None:
        raise Http404
    face.track.person.vault.role = require_role(user, face.track.person.vault_id, least)
    return face


def crop_for(user, face_id: int) -> Face:
    """What `face_for` gives, with no more than it takes to show the picture: a page asks for a hundred."""
    rows = Face.objects.select_related("track__person", "track__segment__pack__keyring")
    needed = ("offset", "length", "track__person__vault_id", "track__segment__pack")
    face = rows.only(*needed).filter(id=face_id, offset__gte=0).first()
    if face is None:
        raise Http404
    require_role(user, face.track.person.vault_id, Role.VIEWER)
    return face
