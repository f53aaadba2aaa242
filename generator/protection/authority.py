"""The house's signing authority: made once, its credentials kept encrypted."""

import json

from django.db import transaction

from generator.productions.models import SigningAuthority
from generator.protection.provenance import Authority, make_authority
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.custody.keys import new_keyring


def signing_authority() -> Authority:
    """The newest authority of this installation; the first call makes one."""
    row = SigningAuthority.objects.select_related("credentials__keyring").order_by("-created_at").first()
    if row is None:
        return _new_authority()
    kept = json.loads(objects.read(row.credentials))
    return Authority(chain=kept["chain"].encode(), key=kept["key"].encode(), root=row.root.encode())


@transaction.atomic
def _new_authority() -> Authority:
    authority = make_authority("TwinVault")
    kept = json.dumps({"chain": authority.chain.decode(), "key": authority.key.decode()}).encode()
    row = SigningAuthority.objects.create(
        credentials=objects.store(new_keyring("signing"), "signing", kept), root=authority.root.decode()
    )
    record("signing authority made", target=row)
    return authority


def roots() -> list[bytes]:
    """PEM of every root that films of this house were signed under."""
    return [root.encode() for root in SigningAuthority.objects.values_list("root", flat=True)]
