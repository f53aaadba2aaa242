"""Code books, as the site reads and erases them. How one is made is in `book_making`, which only workers load."""

from django.db import transaction

from generator.engine.scenes.book import BookError, CodeBook
from generator.models import Twin
from generator.scenes.models import CodeBookOfTwin
from twinvault.custody import objects
from twinvault.vaults.services import NotAllowed


def forget_book(twin: Twin) -> None:
    """Erases a twin's code book, if it has one; in the transaction of the deed."""
    kept = CodeBookOfTwin.objects.select_related("content").filter(twin_id=twin.id).first()
    if kept:
        kept.delete()
        objects.erase(kept.content)


def copy_book(old: Twin, twin: Twin) -> None:
    """Gives a refreshed twin the book of the one that it was refreshed from: its subject's decoder is the same."""
    kept = CodeBookOfTwin.objects.select_related("content__keyring").filter(twin_id=old.id).first()
    if kept is None:
        return
    data = objects.read(kept.content)
    with transaction.atomic():
        if Twin.objects.select_for_update().filter(id=twin.id).exclude(state=Twin.State.RETIRED).exists():
            forget_book(twin)
            CodeBookOfTwin.objects.create(twin=twin, content=objects.store(twin.vault.keyring, "codebook", data))


def book_of(twin: Twin) -> CodeBook:
    """NotAllowed, with what to do, where a twin has none that can be read."""
    kept = CodeBookOfTwin.objects.select_related("content__keyring").filter(twin_id=twin.id).first()
    if kept is None:
        raise NotAllowed(f"{twin} has not learned what new scenes need: begin a new version of it, which will.")
    try:
        return CodeBook.from_bytes(objects.read(kept.content))
    except BookError as error:
        raise NotAllowed(f"{twin} cannot be used for new scenes: begin a new version of it. {error}") from error
