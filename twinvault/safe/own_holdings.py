"""What the safe box itself holds of a vault: the subject, stages of life, consents; exports and imports."""

from twinvault.safe import exports
from twinvault.safe.holdings import Holding, Rows
from twinvault.safe.models import Import, Scope
from twinvault.vaults.documents import ENDINGS
from twinvault.vaults.models import Consent, LifeStage, Subject, Vault


def rows(vault: Vault) -> list[Rows]:
    return [
        Rows(Subject.objects.filter(vault=vault)),
        Rows(LifeStage.objects.filter(subject__vault=vault)),
        Rows(Consent.objects.filter(subject__vault=vault).select_related("subject__vault__keyring"), words=("statement",)),
    ]


def erase(vault: Vault, scope: Scope) -> None:
    exports.end_all(vault)
    said = Consent.objects.filter(subject__vault=vault)
    said.filter(document__wrapped_key=b"").update(document=None)
    said.filter(recording__wrapped_key=b"").update(recording=None)
    if scope == Scope.VAULT:
        Import.objects.filter(vault=vault).update(record=None)
        Subject.objects.filter(vault=vault).delete()


def imported(vault: Vault) -> None:
    """What another house's board allowed, this one's looks at anew."""
    Consent.objects.filter(subject__vault=vault).update(allowed_at=None)


def paths(vault: Vault):
    taken = Import.objects.filter(vault=vault, record__isnull=False).first()
    if taken:
        yield taken.record_id, f"record/before-{taken.begun_at:%Y-%m-%d}.jsonl"
    for consent in Consent.objects.filter(subject__vault=vault).select_related("document", "recording"):
        for stored in filter(None, (consent.document, consent.recording)):
            ending = ENDINGS.get(stored.content_type, "bin")
            yield stored.id, f"consents/{consent.recorded_at:%Y-%m-%d}-{consent.basis}.{ending}"


HOLDING = Holding("vaults", models=(Subject, LifeStage, Consent), rows=rows, erase=erase, paths=paths, imported=imported)
