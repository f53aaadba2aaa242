"""Imports a vault into an installation in which nothing has happened yet; prints what is there then as JSON."""

import json
import sys

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402

from generator.productions.models import Film  # noqa: E402
from tests.twinvault.safe.conftest import digests  # noqa: E402
from twinvault.accounts.models import User  # noqa: E402
from twinvault.audit.verify import findings  # noqa: E402
from twinvault.vaults.models import Vault  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.create_user("newcomer", "newcomer@example.org", "correct horse battery")
call_command("import_vault", sys.argv[1], owner="newcomer")
vault, film = Vault.objects.get(), Film.objects.get()
counted = ("acquisition.Footage", "processing.Face", "generator.Twin", "productions.Film")
sys.stdout.write(
    json.dumps(
        {
            "digests": digests(vault.keyring_id),
            "vault": [str(vault.id), vault.name, vault.subject.name, vault.subject.consents.get().statement],
            "counts": {label: apps.get_model(label).objects.count() for label in counted},
            "film": [film.revision_id, film.title, film.ordered_by.username],
            "record": [str(finding) for finding in findings()],
        }
    )
)
