"""Sealing: what is sealed opens with the secondary password or the recovery code, and with nothing else."""

import dataclasses
from datetime import timedelta

import pytest
from django.utils import timezone

from twinvault.custody import archive as archives
from twinvault.custody import keys, objects
from twinvault.custody.archive import ObjectSealed, TooSoon, WrongSecret
from twinvault.custody.models import SOURCE_KINDS, Archive, LentKey, StoredObject

PASSWORD = "the boat under the walnut tree"


@pytest.fixture
def footage(keyring):
    return objects.store(keyring, "footage", b"grandpa at sea")


@pytest.fixture
def archive_and_code(keyring):
    return archives.make_archive(keyring, PASSWORD)


@pytest.fixture
def archive(archive_and_code):
    return archive_and_code[0]


@pytest.fixture
def sealed(archive, footage):
    """An archive that is sealed, with one piece of footage in it."""
    seal(archive)
    return archive


def seal(archive) -> None:
    assert archives.begin_sealing(archive)
    while archives.seal_some(archive):
        pass
    assert archives.end_sealing(archive)
    archive.refresh_from_db()


def again(stored) -> StoredObject:
    return StoredObject.objects.select_related("keyring").get(id=stored.id)


def soon(**more):
    return timezone.now() + timedelta(**more)


def waited(archive) -> None:
    Archive.objects.update(next_try_at=None)
    archive.refresh_from_db()


def test_what_is_sealed_the_server_cannot_open(sealed, footage):
    with pytest.raises(ObjectSealed):
        objects.read(again(footage))


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_every_kind_of_source_is_sealed(archive, keyring, kind):
    stored = objects.store(keyring, kind, b"a face")
    seal(archive)

    with pytest.raises(ObjectSealed):
        objects.read(again(stored))


def test_what_was_learned_and_made_stays_usable(archive, keyring):
    held = [objects.store(keyring, kind, kind.encode()) for kind in ("weights", "film", "storyboard", "identity")]
    seal(archive)

    assert [objects.read(again(stored)) for stored in held] == [b"weights", b"film", b"storyboard", b"identity"]


def test_the_old_wrap_is_overwritten_and_the_ciphertext_untouched(archive, footage, objects_dir):
    before = bytes(footage.wrapped_key), (objects_dir / footage.name).read_bytes()
    seal(archive)

    assert bytes(again(footage).wrapped_key) != before[0]
    assert (objects_dir / footage.name).read_bytes() == before[1]
    with pytest.raises(keys.KeyUnavailable):
        keys.unwrap_file_key(footage.keyring, again(footage).wrapped_key, archives.context_of(footage.id))


def test_the_working_key_and_the_master_key_do_not_open_the_archive(sealed, keyring):
    """A curious operator has both, and everything in the row."""
    outer = keys.derive(keys.working_key(keyring), "archive locks")
    inner = keys.unseal(outer, sealed.locked_by_password, f"outer locked_by_password of {keyring.id}")

    for key in (outer, keys.working_key(keyring), keys.derive(keys.working_key(keyring), "wrap file keys")):
        with pytest.raises(keys.KeyUnavailable):
            keys.unseal(key, inner, f"locked_by_password of {keyring.id}")


def test_a_stolen_database_gives_nobody_a_password_to_guess_at(archive, keyring):
    """Without the master key the lock by the password cannot even be reached."""
    with pytest.raises(keys.KeyUnavailable):
        keys.unseal(archives._by_password(archive, PASSWORD), archive.locked_by_password, f"locked_by_password of {keyring.id}")


def test_it_is_lent_by_the_password_and_closed_again(sealed, footage):
    lending = archives.lend(archives.unlock(sealed, password=PASSWORD), soon(hours=1), general=True)
    assert objects.read(again(footage)) == b"grandpa at sea"
    sealed.refresh_from_db()
    assert sealed.is_unsealed and not sealed.is_locked

    archives.take_back(lending)

    with pytest.raises(ObjectSealed):
        objects.read(again(footage))
    sealed.refresh_from_db()
    assert sealed.is_locked and not LentKey.objects.exists()


def test_the_code_opens_it_however_it_is_typed(archive_and_code, footage):
    archive, code = archive_and_code
    seal(archive)
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")

    archives.lend(archives.unlock(archive, code=typed), soon(hours=1), general=True)

    assert objects.read(again(footage)) == b"grandpa at sea"


def test_a_code_is_long_and_never_twice_the_same():
    codes = {archives.new_code() for _ in range(50)}

    assert len(codes) == 50
    assert all(len(archives.plain_code(code)) == 30 for code in codes)


def test_the_time_of_a_lending_ends_it_without_anybodys_help(sealed, footage):
    archives.lend(archives.unlock(sealed, password=PASSWORD), soon(seconds=-1), general=True)

    with pytest.raises(ObjectSealed):
        objects.read(again(footage))
    assert len(archives.close_overdue()) == 1
    assert not LentKey.objects.exists()


def test_a_lending_for_one_use_serves_no_other(sealed, footage):
    lending = archives.lend(archives.unlock(sealed, password=PASSWORD), soon(hours=1), general=False)

    with pytest.raises(ObjectSealed):
        objects.read(again(footage))
    with objects.open_object(again(footage), lending) as reader:
        assert reader.read() == b"grandpa at sea"


def test_the_private_half_never_rests_anywhere(sealed):
    unlocked = archives.unlock(sealed, password=PASSWORD)
    archives.lend(unlocked, soon(hours=1), general=True)
    raw = unlocked.private.private_bytes_raw()

    for row in (Archive.objects.values().get(), *sealed.lendings.values(), *LentKey.objects.values()):
        assert not any(raw in bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))


def test_new_sources_go_straight_in(sealed, keyring):
    stored = objects.store(keyring, "footage", b"a letter that came later")

    assert stored.sealed
    with pytest.raises(ObjectSealed):
        objects.read(again(stored))
    archives.lend(archives.unlock(sealed, password=PASSWORD), soon(hours=1), general=True)
    assert objects.read(again(stored)) == b"a letter that came later"


def test_new_sources_can_be_read_while_it_is_unsealed_and_not_after(sealed, keyring):
    lending = archives.lend(archives.unlock(sealed, password=PASSWORD), soon(hours=1), general=True)
    stored = objects.store(keyring, "footage", b"brought in meanwhile")

    assert objects.read(again(stored)) == b"brought in meanwhile"
    archives.take_back(lending)
    with pytest.raises(ObjectSealed):
        objects.read(again(stored))


def test_another_password_shuts_out_the_old_one_and_the_old_code(archive_and_code, footage):
    archive, code = archive_and_code
    seal(archive)

    fresh = archives.relock(archives.unlock(archive, password=PASSWORD), "another one, much better")

    for wrong in ({"password": PASSWORD}, {"code": code}):
        with pytest.raises(WrongSecret):
            archives.unlock(archive, **wrong)
    assert archives.unlock(archive, password="another one, much better")
    assert archives.unlock(archive, code=fresh)


def test_wrong_passwords_are_slowed_more_and_more_but_never_for_ever(archive):
    waits = []
    for _ in range(12):
        with pytest.raises(WrongSecret):
            archives.unlock(archive, password="wrong")
        archive.refresh_from_db()
        waits.append((archive.next_try_at - timezone.now()).total_seconds())
        if waits[-1] > 1:
            with pytest.raises(TooSoon):
                archives.unlock(archive, password=PASSWORD)
        waited(archive)

    assert waits[0] < 1 and waits[-1] > waits[4] > 1
    assert max(waits) <= archives.LONGEST_WAIT.total_seconds()
    assert archives.unlock(archive, password=PASSWORD)
    archive.refresh_from_db()
    assert archive.wrong_tries == 0


def test_a_wrong_password_costs_what_the_parameters_say(archive):
    assert (archive.memory_kib, archive.passes, archive.lanes) == (65536, 3, 4)


def test_a_sealed_key_belongs_to_its_object(sealed, keyring):
    one, other = (objects.store(keyring, "footage", word) for word in (b"one", b"two"))
    StoredObject.objects.filter(id=one.id).update(wrapped_key=other.wrapped_key)

    with pytest.raises(keys.KeyUnavailable):
        archives.unwrap_from(archives.unlock(sealed, password=PASSWORD), again(one))


def test_two_seals_at_once_are_one(archive, footage):
    assert archives.begin_sealing(archive)
    assert not archives.begin_sealing(archive)
    while archives.seal_some(archive):
        pass
    assert archives.end_sealing(archive) and archives.end_sealing(archive)


def test_it_is_not_sealed_before_everything_is(archive, footage):
    archives.begin_sealing(archive)

    assert not archives.end_sealing(archive)
    archive.refresh_from_db()
    assert archive.state == Archive.State.SEALING


def test_the_master_key_can_be_lost_and_the_archive_with_it(sealed, tmp_path, settings):
    path = tmp_path / "other/master.json"
    keys.make_master_key_file(path)
    settings.ENV = dataclasses.replace(settings.ENV, master_key_file=path)

    with pytest.raises(keys.KeyUnavailable, match="is not in"):
        archives.unlock(sealed, password=PASSWORD)
