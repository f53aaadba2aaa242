"""What was exported comes in elsewhere, byte for byte; what was tampered with does not."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from generator.models import Twin
from generator.productions.models import Film
from generator.productions.services import order_film
from generator.productions.storyboard import Storyboard
from tests.conftest import make_user
from tests.twinvault.safe.conftest import PASSWORD, all_of
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import Keyring, StoredObject
from twinvault.safe import erasure, exports, services
from twinvault.safe.importing import ImportRefused, import_vault
from twinvault.safe.models import Import, Scope
from twinvault.vaults.board import review_consent
from twinvault.vaults.consents import record_consent
from twinvault.vaults.models import Consent, Role, Vault
from twinvault.vaults.services import open_vault
from worker.inline import run_queued_jobs

MODELS = [
    "vaults.Subject",
    "vaults.LifeStage",
    "vaults.Consent",
    "acquisition.Footage",
    "processing.Analysis",
    "processing.Segment",
    "processing.Person",
    "processing.Track",
    "processing.Face",
    "generator.Twin",
    "generator.Preview",
    "productions.Film",
    "scenes.CodeBookOfTwin",
]


def rows_of(label: str) -> list[dict]:
    """Every column but generated numbers, people (who may have other accounts elsewhere) and what is encrypted."""
    model = apps.get_model(label)
    names = [
        field.attname
        for field in model._meta.local_concrete_fields
        if field.get_internal_type() not in {"AutoField", "BigAutoField", "BinaryField"}
    ]
    return sorted((row for row in model.objects.values(*names)), key=str)


@pytest.fixture
def zip_of_story(story, tmp_path) -> Path:
    """The exported story, in a file."""
    return _exported(story, tmp_path)


def _exported(story, tmp_path) -> Path:
    services.set_password(story.vault, PASSWORD, by=story.alice)
    export, _ = exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    run_queued_jobs()
    export = exports.Export.objects.select_related("vault", "plan__keyring").get(id=export.id)
    path = tmp_path / "export.zip"
    with exports.open_zip(export) as reader, path.open("wb") as file:
        shutil.copyfileobj(reader, file)
    return path


def gone(story) -> None:
    erasure.ask(story.vault, Scope.VAULT, by=story.alice)
    run_queued_jobs()
    assert not Vault.objects.filter(id=story.vault.id).exists()


def rewritten(path: Path, change) -> Path:
    """The same ZIP with the files that `change` gives others for: {name: bytes, or None to leave it out}."""
    made = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(made, "w") as target:
        changed = change(source)
        for info in source.infolist():
            content = changed.get(info.filename, source.read(info))
            if content is not None:
                target.writestr(info, content)
    return made


def test_every_byte_and_every_row_is_what_it_was(story, zip_of_story):
    before = {stored.id: (stored.kind, stored.content_type, objects.read(stored)) for stored in all_of(story.vault)}
    before = {key: value for key, value in before.items() if value[0] not in exports.NOT_EXPORTED}
    rows = {label: rows_of(label) for label in MODELS}
    gone(story)

    vault = import_vault(zip_of_story, story.alice)

    after = {stored.id: (stored.kind, stored.content_type, objects.read(stored)) for stored in all_of(vault)}
    assert {key: value for key, value in after.items() if value[0] != "record"} == before
    assert {label: rows_of(label) for label in MODELS} == rows
    assert vault.id == story.vault.id and vault.name == "Grandpa"
    assert vault.subject.consents.get().statement == "I agree."
    assert [(m.user, m.role) for m in vault.memberships.all()] == [(story.alice, Role.OWNER)]


def test_what_another_board_allowed_waits_for_this_one(story, tmp_path):
    said = {"basis": "public", "given_by": "The estate", "statement": "Ours.", "document": b"%PDF-1.7 rights"}
    consent = record_consent(story.vault.subject, **said, by=story.alice)
    for member in story.board:
        review_consent(consent, member, "approve", "")
    assert Consent.objects.in_force().filter(id=consent.id).exists()
    path = _exported(story, tmp_path)
    gone(story)

    vault = import_vault(path, story.alice)

    come = vault.subject.consents.get(id=consent.id)
    assert come.waits_for == "board" and objects.read(come.document) == b"%PDF-1.7 rights"
    with zipfile.ZipFile(path) as archive:
        assert [name for name in archive.namelist() if name.startswith("consents/") and name.endswith("-public.pdf")]


def test_the_twin_that_came_along_makes_films(story, zip_of_story):
    gone(story)
    vault = import_vault(zip_of_story, story.alice)

    film = order_film(vault, twin=Twin.objects.get(), revision=story.revision, storyboard=Storyboard("greeting"), by=story.alice)
    run_queued_jobs()
    film.refresh_from_db()
    # made; whether it is good enough to be shown is another question
    assert film.state in (Film.State.READY, Film.State.HELD) and film.content


def test_where_nobody_and_no_template_is_known_the_owner_stands_in(story, zip_of_story):
    gone(story)
    revision = story.revision
    revision.twins.clear()
    revision.delete()
    stranger = make_user("stranger")
    for person in (story.bob, story.vera):
        type(person).objects.filter(id=person.id).update(email=f"moved-{person.username}@example.org")

    import_vault(zip_of_story, stranger)

    film = Film.objects.get()
    assert film.revision is None and film.title == "Memorial: The actor"
    assert film.ordered_by == stranger


def test_the_pages_of_a_film_without_a_template_work(story, zip_of_story, browse):
    gone(story)
    story.revision.twins.clear()
    story.revision.delete()
    vault = import_vault(zip_of_story, story.alice)
    client = browse(story.alice)

    for address in (f"/vaults/{vault.id}/", f"/vaults/{vault.id}/order/", f"/films/{Film.objects.get().id}/"):
        response = client.get(address)
        assert response.status_code == 200
        assert "Memorial: The actor" in response.content.decode()


def test_the_record_of_its_earlier_home_comes_along(story, zip_of_story):
    gone(story)
    vault = import_vault(zip_of_story, story.alice)

    lines = [json.loads(line) for line in objects.read(Import.objects.get().record).splitlines()]
    assert "consent recorded" in [line["verb"] for line in lines]
    assert Entry.objects.filter(verb="vault imported", vault_id=vault.id).exists()


def test_it_touches_nothing_that_is_here(story, zip_of_story):
    with pytest.raises(ImportRefused, match="is here already"):
        import_vault(zip_of_story, story.bob)


def test_the_same_objects_in_another_vault_are_not_taken_over(story, zip_of_story):
    def another_vault(source):
        manifest = json.loads(source.read("manifest.json"))
        manifest["vault"]["id"] = "00000000-0000-4000-8000-000000000001"
        return {"manifest.json": json.dumps(manifest).encode()}

    with pytest.raises(ImportRefused, match="in another vault here already"):
        import_vault(rewritten(zip_of_story, another_vault), story.bob)
    assert Vault.objects.count() == 1


def test_a_broken_import_goes_on_behind_what_is_there(story, zip_of_story):
    gone(story)

    class Broken(Exception):
        pass

    def break_off(done: int, total: int) -> None:
        if done > total / 2:
            raise Broken

    with pytest.raises(Broken):
        import_vault(zip_of_story, story.alice, break_off)
    keyring = Import.objects.get().keyring
    there = set(StoredObject.objects.filter(keyring=keyring).values_list("id", flat=True))
    assert there and not Vault.objects.exists()

    vault = import_vault(zip_of_story, story.alice)

    assert vault.keyring == keyring
    assert there <= {stored.id for stored in all_of(vault)}
    with pytest.raises(ImportRefused):
        import_vault(zip_of_story, story.alice)


def _film_changed(source):
    name = next(name for name in source.namelist() if name.startswith("films/"))
    return {name: source.read(name)[:-1] + b"?"}


def _film_missing(source):
    return {next(name for name in source.namelist() if name.startswith("films/")): None}


def _manifest_with(**changes):
    def change(source):
        return {"manifest.json": json.dumps(json.loads(source.read("manifest.json")) | changes).encode()}

    return change


def _rows_with(edit):
    def change(source):
        lines = [edit(json.loads(line)) for line in source.read("rows.jsonl").splitlines()]
        return {"rows.jsonl": b"\n".join(json.dumps(line).encode() for line in lines if line)}

    return change


def _field(model: str, name: str, value):
    return _rows_with(lambda line: line | {"fields": line["fields"] | {name: value}} if line["model"] == model else line)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_film_changed, "is not what the export says that it is"),
        (_film_missing, "is not in it"),
        (lambda _: {"manifest.json": None}, "no export of TwinVault"),
        (lambda _: {"manifest.json": b"{}"}, "no export of TwinVault"),
        (lambda _: {"manifest.json": b"not json"}, "no export of TwinVault"),
        (_manifest_with(format="something else"), "no export of TwinVault"),
        (_manifest_with(version=99), "has version 99"),
        (_manifest_with(export="no id"), "is no id"),
        (lambda _: {"rows.jsonl": b"{]"}, "a row in it cannot be used"),
        (_rows_with(lambda line: line | {"model": "accounts.user"}), "a row in it cannot be used"),
        (_rows_with(lambda line: line if line["model"] != "vaults.subject" else None), "does not say whose face"),
        (_field("acquisition.footage", "seconds", "long"), "a row in it cannot be used"),
        (_field("acquisition.footage", "state", "who knows"), "a row in it cannot be used"),
        (_field("generator.twin", "no_such_column", 1), "a row in it cannot be used"),
    ],
)
def test_a_damaged_or_forged_export_is_refused_and_leaves_no_vault(story, zip_of_story, change, sentence):
    gone(story)

    with pytest.raises(ImportRefused, match=sentence):
        import_vault(rewritten(zip_of_story, change), story.alice)
    assert not Vault.objects.exists()


def test_a_row_cannot_be_smuggled_into_somebody_elses_vault(story, zip_of_story, charlie_vault):
    gone(story)
    forged = rewritten(zip_of_story, _field("acquisition.footage", "vault", str(charlie_vault.id)))

    import_vault(forged, story.bob)

    assert not charlie_vault.footage.exists()


@pytest.fixture
def charlie_vault(db):
    other = make_user("zoe")
    return open_vault(other, name="Zoe's", subject_name="Zoe", stages=["adult"])


def test_what_was_left_out_takes_its_rows_with_it(story, zip_of_story):
    def without_footage(source):
        manifest = json.loads(source.read("manifest.json"))
        manifest["objects"] = {key: one for key, one in manifest["objects"].items() if one["kind"] != "footage"}
        return {"manifest.json": json.dumps(manifest).encode()}

    gone(story)
    vault = import_vault(rewritten(zip_of_story, without_footage), story.alice)

    assert not vault.footage.exists() and vault.films.exists()
    assert not [stored for stored in all_of(vault) if stored.kind in ("footage", "pack", "descriptors")]


@pytest.mark.parametrize("content", [b"", b"not a zip at all", b"PK\x03\x04 and no end"])
def test_what_is_no_zip_is_refused(tmp_path, alice, content):
    path = tmp_path / "some.zip"
    path.write_bytes(content)

    with pytest.raises(ImportRefused, match="no ZIP file"):
        import_vault(path, alice)
    assert not Keyring.objects.filter(purpose="vault").exists()


def test_the_command_says_where_the_vault_is_and_what_is_wrong(story, zip_of_story, tmp_path):
    gone(story)
    out = io.StringIO()

    call_command("import_vault", str(zip_of_story), owner="alice", stdout=out)

    assert f"/vaults/{story.vault.id}/" in out.getvalue()
    with pytest.raises(CommandError, match="Nobody here is called nobody"):
        call_command("import_vault", str(zip_of_story), owner="nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_vault", str(tmp_path / "absent.zip"), owner="alice")
