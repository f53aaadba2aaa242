"""A site with a row of everything, and the people who try its addresses."""

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from acquisition.models import Footage, Upload
from generator.engine.scenes.motion import Beat
from generator.models import Base, BasePreview
from generator.productions.services import order_film
from generator.scenes import services as scenes
from generator.scenes.configuration import Background, Configuration
from processing.models import Face, Person
from templates_library.models import TemplateRole
from templates_library.services import library_keyring
from tests.conftest import make_user
from tests.story import STORYBOARD, learned, story
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.safe.models import Erasure, Export, Scope
from twinvault.vaults import services as vaults
from twinvault.vaults.consents import record_consent
from twinvault.vaults.invitations import invite
from twinvault.vaults.models import Role

__all__ = ["learned", "story"]
TOKEN = "a-token-that-alice-was-given"


@pytest.fixture
def people(story) -> dict:
    """By what they are to the story's vault, outsiders first; None is nobody in particular."""
    former, other = make_user("former"), make_user("other")
    vaults.set_member(story.vault, former, Role.CONTRIBUTOR, by=story.alice)
    vaults.remove_member(story.vault, story.vault.memberships.get(user=former), by=story.alice)
    vaults.open_vault(other, name="Aunt", subject_name="Berta", stages=["adult"])
    return {
        "nobody": None,
        "stranger": story.charlie,
        "former member": former,
        "owner of another vault": other,
        "board member": story.board[0],
        "viewer": story.vera,
        "contributor": story.bob,
        "owner": story.alice,
    }


@pytest.fixture
def ids(story, people) -> dict[str, object]:
    """An id, of the story's vault or library, for every argument that an address has."""
    soon = timezone.now() + timedelta(hours=1)
    vault, alice, bob = story.vault, story.alice, story.bob
    base = Base.objects.create(preset="tiny", version=1, train_seconds=1)
    sheet = objects.store(library_keyring(), "preview", b"png", "image/png")
    asked = Configuration(1.2, [Beat(0, "speak", says="Aha")], background=Background(picture=True))
    scene = scenes.submit_scene(vault, twin=story.twin, configuration=asked, background=b"jpeg", by=bob)
    revision = scene.revisions.get()
    for member in story.board:
        scenes.review_scene(revision, member, "approve")
    clip = scenes.make_clip(revision, by=bob)
    clip.content = objects.store(vault.keyring, "clip", b"mp4", "video/mp4")
    clip.state = clip.State.READY
    clip.save(update_fields=["content", "state"])
    export = Export.objects.create(
        vault=vault, token_digest=hashlib.sha256(TOKEN.encode()).hexdigest(), asked_by=alice, until=soon
    )
    erasure = Erasure.objects.create(
        vault_id=vault.id, keyring_id=vault.keyring_id, scope=Scope.SOURCES, expected=0, asked_by=alice
    )
    upload = Upload.objects.create(
        vault=vault, life_stage=story.stage, user=bob, filename="a.mp4", length=5, wrapped_key=b"", expires_at=soon
    )
    being_made = order_film(vault, twin=story.twin, revision=story.revision, storyboard=STORYBOARD, by=bob)
    being_made.preview = objects.store(vault.keyring, "preview", b"mp4", "video/mp4")
    being_made.save(update_fields=["preview"])
    rights = record_consent(
        vault.subject, basis="public", given_by="The estate", statement="Ours.", document=b"%PDF-1.7", by=alice
    )
    invitation, secret = invite(vault, "greta@example.org", Role.VIEWER, by=alice)
    return {
        "vault_id": vault.id,
        "stage_id": story.stage.id,
        "membership_id": vault.memberships.get(user=story.vera).id,
        "invitation_id": invitation.id,
        "secret": secret,
        "consent_id": rights.id,
        "vaults/<uuid:vault_id>/consent/<uuid:consent_id>/recording/consent_id": vault.subject.consents.last().id,
        "export_id": export.id,
        "token": TOKEN,
        "erasure_id": erasure.id,
        "job_id": Job.objects.filter(vault_id=vault.id).first().id,
        "footage_id": Footage.objects.first().id,
        "upload_id": upload.id,
        "person_id": Person.objects.first().id,
        "face_id": Face.objects.first().id,
        "template_id": story.template.id,
        "revision_id": story.revision.id,
        "role_id": TemplateRole.objects.first().id,
        "twin_id": story.twin.id,
        "preview_id": story.twin.previews.first().id,
        "base_id": base.id,
        "base_preview_id": BasePreview.objects.create(base=base, images_seen=1, sheet=sheet).id,
        "film_id": story.film.id,
        "films/<uuid:film_id>/preview/film_id": being_made.id,
        "scene_id": scene.id,
        "scenes/revision_id": revision.id,
        "clip_id": clip.id,
    }
