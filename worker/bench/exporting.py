"""A vault for one stored object, exported."""

from datetime import date

from acquisition.models import Footage
from twinvault.accounts.models import User
from twinvault.custody import archive as archives
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim
from twinvault.safe import exports
from twinvault.safe.zip_layout import ZipReader
from twinvault.vaults.models import LifeStage, Membership, Role, Subject, Vault
from worker.tasks import work_on

PASSWORD = "only for this measurement"


def ask_for(stored: StoredObject) -> str:
    """The id of an export of a vault whose footage is this object. Checking the password takes Argon2id's 64 MiB, on purpose."""
    owner, _ = User.objects.get_or_create(username="bench", email="bench@example.org")
    vault = Vault.objects.create(name=f"Bench {date.today()}", keyring=stored.keyring)
    Membership.objects.create(vault=vault, user=owner, role=Role.OWNER)
    stage = LifeStage.objects.create(subject=Subject.objects.create(vault=vault, name="Nobody"), name="adult")
    Footage.objects.create(
        vault=vault, life_stage=stage, content=stored, fingerprint="bench", filename="bench.mp4", added_by=owner
    )
    archive, _ = archives.make_archive(stored.keyring, PASSWORD)
    export, _ = exports.ask(vault, archives.unlock(archive, password=PASSWORD), by=owner)
    return str(export.id)


def zip_of(export_id: str) -> ZipReader:
    """The ZIP, once the job has put it together that does it for people."""
    job = claim(Job.objects.get(target_id=export_id).id, "bench")
    if job is None or (error := work_on(job)):
        raise RuntimeError(f"the export was not put together: {error}")
    return exports.open_zip(exports.Export.objects.select_related("vault", "plan__keyring", "lending").get(id=export_id))
