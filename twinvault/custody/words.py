"""Short texts in rows that say what a person said: encrypted by the keyring's working key, like all that shows a face."""

from twinvault.custody import keys
from twinvault.custody.models import Keyring


def seal_words(keyring: Keyring, text: str, context: str) -> bytes:
    """`context` names the row and the column; the words open nowhere else."""
    return keys.seal(keys.derive(keys.working_key(keyring), "words"), text.encode(), context)


def open_words(keyring: Keyring, sealed: bytes, context: str) -> str:
    return keys.unseal(keys.derive(keys.working_key(keyring), "words"), sealed, context).decode()
