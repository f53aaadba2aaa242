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
    """A face whose picture is still there; an erased one is not there for anybody."""
    rows = Face.objects.select_related("track__segment__footage", "track__segment__pack__keyring")
    face = rows.filter(id=face_id, offset__gte=0).first()
    if face is None:
        raise Http404
    require_role(user, face.track.segment.footage.vault_id, least)
    return face
