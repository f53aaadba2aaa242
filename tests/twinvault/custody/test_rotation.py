"""Rotation of master keys: all keyrings change hands, no stored file is touched, and it can be broken off anywhere."""

import hashlib
import json
import logging
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection

from twinvault.audit.models import Entry
from twinvault.audit.record import record
from twinvault.audit.verify import findings
from twinvault.custody import keys, objects, rotation
from twinvault.custody.models import Keyring
from twinvault.custody.stream import SEGMENT

FACE = random.Random(5).randbytes(SEGMENT + 321)


@pytest.fixture
def old(db, key_file) -> str:
    """The master key that all is under at first, the record's own keyring among it."""
    record("installed")
    return keys.master_keys()[0]


@pytest.fixture
def stored(old):
    """Five objects under keyrings of their own."""
    return [objects.store(keys.new_keyring("test"), "footage", FACE[number:]) for number in range(5)]


def rotate(*options: str) -> str:
    call_command("rotate_master_key", *options)
    return keys.master_keys()[0]


def wrapped(batches) -> list[int]:
    return [batch.wrapped for batch in batches]


def in_use() -> set[str]:
    return set(Keyring.objects.values_list("master_key_id", flat=True))


def content_of(stored) -> list[bytes]:
    """As a process reads it that has just started."""
    return [objects.read(type(one).objects.select_related("keyring").get(id=one.id)) for one in stored]


def ciphertexts(stored) -> list[tuple[int, str]]:
    paths = [Path(storages["ciphertext"].path(one.name)) for one in stored]
    return [(path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]


@contextmanager
def just_before(statement: str, deed):
    """Lets something else happen, once, between what a function has read and the first statement that it writes."""
    left = [deed]

    def intercept(execute, sql, params, many, context):
        if left and sql.startswith(statement):
            left.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(intercept):
        yield
    assert not left, f"nothing was written by {statement}"


def test_a_rotation_changes_every_keyring_and_no_stored_file(stored, old):
    before = ciphertexts(stored)

    new = rotate()

    assert in_use() == {new} != {old}
    assert content_of(stored) == [FACE[number:] for number in range(5)]
    assert ciphertexts(stored) == before
    assert set(keys.master_keys()[1]) == {old, new}


def test_it_tells_how_far_it_is_and_what_comes_next(stored, old, monkeypatch, capsys):
    monkeypatch.setattr(rotation, "BATCH", 2)

    new = rotate()

    told = capsys.readouterr().out
    assert [line.strip() for line in told.splitlines() if " of 6 keyrings" in line] == [
        "2 of 6 keyrings (33 %)",
        "4 of 6 keyrings (66 %)",
        "6 of 6 keyrings (100 %)",
    ]
    assert f"6 keyrings with 5 stored objects are under {new}." in told
    assert f"manage.py retire_master_key {old}" in told


def test_it_is_on_record(stored, old):
    new = rotate()
    call_command("retire_master_key", old)

    assert list(Entry.objects.order_by("id")[1:].values_list("verb", "target", "details")) == [
        ("master key made current", f"master key {new}", {"before": old}),
        ("keyrings wrapped anew", f"master key {new}", {"keyrings": 6}),
        ("master key retired", f"master key {old}", {}),
    ]
    assert findings() == []


def test_without_vaults_it_is_the_key_and_the_records_own_keyring(old, capsys):
    assert rotate() != old
    assert "1 keyrings with 0 stored objects" in capsys.readouterr().out


def test_a_rotation_that_was_broken_off_is_gone_on_with(stored, old, monkeypatch, capsys):
    monkeypatch.setattr(rotation, "BATCH", 2)
    begun, _ = rotation.begin()
    next(rotation.rewrap_all())
    assert in_use() == {old, begun}

    assert rotate() == begun

    assert "goes on" in capsys.readouterr().out
    assert in_use() == {begun}
    assert set(keys.master_keys()[1]) == {old, begun}


def test_a_key_that_came_to_light_in_the_middle_is_left_behind(stored, old, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    begun, _ = rotation.begin()
    next(rotation.rewrap_all())

    newest = rotate("--new")

    assert len({old, begun, newest}) == 3
    assert in_use() == {newest}
    assert content_of(stored)[4] == FACE[4:]


def test_a_machine_that_got_the_prepared_key_first_opens_everything_after(stored, old, key_file, capsys):
    call_command("rotate_master_key", "--prepare")
    elsewhere = key_file.read_bytes()
    assert in_use() == {old} == {keys.master_keys()[0]}
    call_command("rotate_master_key", "--prepare")
    assert key_file.read_bytes() == elsewhere, "a second key was prepared"

    new = rotate()

    assert json.loads(elsewhere)["next"] == new
    assert "next" not in json.loads(key_file.read_bytes())
    key_file.write_bytes(elsewhere)
    assert content_of(stored) == [FACE[number:] for number in range(5)]


def test_another_key_can_be_prepared_in_place_of_one_that_leaked(stored, key_file):
    call_command("rotate_master_key", "--prepare")
    leaked = json.loads(key_file.read_bytes())["next"]

    call_command("rotate_master_key", "--prepare", "--new")

    assert rotate() != leaked


def test_keyrings_that_come_while_it_lasts_take_the_new_key(stored, old, monkeypatch):
    monkeypatch.setattr(rotation, "BATCH", 2)
    begun, _ = rotation.begin()
    rewrapping = rotation.rewrap_all()
    next(rewrapping)

    late = objects.store(keys.new_keyring("test"), "pack", b"late")

    assert late.keyring.master_key_id == begun
    assert wrapped(rewrapping) == [2, 2]
    assert objects.read(late) == b"late"


def test_a_keyring_that_was_being_made_as_the_key_changed_is_found(stored, old, monkeypatch):
    """Its maker had read the old key; the row came when the rotation had passed."""
    monkeypatch.setattr(rotation, "BATCH", 2)
    rotation.begin()
    late = Keyring(id="00000000-0000-4000-8000-000000000000", purpose="test", master_key_id=old)
    late.wrapped_key = keys.wrap_working_key(late, b"w" * 32, old)

    rewrapping = rotation.rewrap_all()
    next(rewrapping)
    late.save(force_insert=True)

    assert sum(wrapped(rewrapping)) == 5
    late.refresh_from_db()
    assert keys.working_key(late) == b"w" * 32 and in_use() == {keys.master_keys()[0]}


def test_two_rotations_do_not_undo_each_other(stored, old, monkeypatch):
    """The second begins, and ends, between two batches of the first."""
    monkeypatch.setattr(rotation, "BATCH", 2)
    rotation.begin()
    first = rotation.rewrap_all()
    next(first)
    newest = rotate("--new")

    list(first)

    assert in_use() == {newest}
    assert content_of(stored) == [FACE[number:] for number in range(5)]


def test_a_keyring_that_somebody_else_has_wrapped_meanwhile_is_left_to_them(stored, old):
    rotation.begin()

    def somebody_else() -> None:
        assert wrapped(rotation.rewrap_all()) == [6]

    with just_before("UPDATE", somebody_else):
        assert wrapped(rotation.rewrap_all()) == [0]

    assert content_of(stored) == [FACE[number:] for number in range(5)]


def test_keyrings_that_an_earlier_rotation_took_in_the_last_moment_are_wrapped_again(stored, old):
    """It had read them, and what was the current key, before the later one began."""
    earlier, _ = rotation.begin()
    read = list(Keyring.objects.all())
    later, _ = rotation.begin(new=True)

    def earlier_goes_on() -> None:
        for keyring in read:
            assert rotation._swap(keyring, earlier, keys.wrap_working_key(keyring, keys.working_key(keyring), earlier))

    with just_before("UPDATE", earlier_goes_on):
        assert wrapped(rotation.rewrap_all()) == [0, 6]

    assert in_use() == {later}
    assert content_of(stored) == [FACE[number:] for number in range(5)]


def test_the_key_that_is_wrapped_by_may_itself_be_retired_in_the_middle(stored, old):
    """Another rotation came and its operator was quick: nothing may end up under a key that is gone."""
    between, _ = rotation.begin()

    def quick_operator() -> None:
        rotation.begin(new=True)
        rotation.retire(between)

    with just_before("UPDATE", quick_operator):
        assert wrapped(rotation.rewrap_all()) == [6]

    assert in_use() == {keys.master_keys()[0]}
    assert content_of(stored) == [FACE[number:] for number in range(5)]


def test_a_key_may_be_retired_while_a_keyring_is_made_with_it(old):
    def quick_operator() -> None:
        rotate()
        rotation.retire(old)

    with just_before('INSERT INTO "custody_keyring"', quick_operator):
        keyring = keys.new_keyring("test")

    made = Keyring.objects.get(purpose="test")
    assert made.master_key_id == keys.master_keys()[0]
    assert keys.working_key(made) == keys.working_key(keyring)


def test_a_process_that_has_a_keyring_in_memory_goes_on_after_its_key_was_retired(stored, old):
    rotate()
    call_command("retire_master_key", old)

    assert stored[0].keyring.master_key_id == old
    assert objects.read(stored[0]) == FACE


def test_a_keyring_that_does_not_open_is_named_and_the_others_change_hands(stored, old, caplog):
    broken = stored[2].keyring
    Keyring.objects.filter(id=broken.id).update(wrapped_key=b"rust" * 15)

    with caplog.at_level(logging.ERROR), pytest.raises(CommandError, match="1 keyrings did not open"):
        rotate()

    assert str(broken.id) in caplog.text
    assert list(Keyring.objects.filter(master_key_id=old)) == [broken]
    assert content_of(stored[:2]) == [FACE, FACE[1:]]


def test_a_lost_key_is_named_and_the_others_change_hands(stored, old, key_file):
    Keyring.objects.filter(id=stored[2].keyring.id).update(master_key_id="20200101-lost")

    with pytest.raises(CommandError, match="20200101-lost is lost: 1 keyrings with 1 stored objects cannot be opened"):
        rotate()

    assert in_use() == {"20200101-lost", keys.master_keys()[0]}


def test_a_key_that_still_wraps_something_is_not_retired(stored, old):
    rotation.begin()

    with pytest.raises(CommandError, match=f"6 keyrings are still wrapped by {old}"):
        call_command("retire_master_key", old)

    assert old in keys.master_keys()[1]
    assert content_of(stored)[0] == FACE


def test_the_current_key_and_an_unknown_one_are_not_retired(old, key_file):
    before = key_file.read_bytes()

    with pytest.raises(CommandError, match="is the current master key"):
        call_command("retire_master_key", old)
    with pytest.raises(CommandError, match=rf"There is no master key 2020 in .* There are: {old}"):
        call_command("retire_master_key", "2020")

    assert key_file.read_bytes() == before


def test_retiring_says_what_can_no_longer_be_opened(stored, old, capsys):
    rotate()
    capsys.readouterr()

    call_command("retire_master_key", old)

    told = capsys.readouterr().out
    assert f"every copy of the database from before the rotation away from {old}" in told
    assert "A copy of the key file from before still opens those backups" in told
    assert old not in keys.master_keys()[1]


def test_without_a_key_file_nothing_is_changed(stored, old, key_file):
    key_file.rename(key_file.with_suffix(".away"))

    for command in (["rotate_master_key"], ["rotate_master_key", "--prepare"], ["retire_master_key", old]):
        with pytest.raises(CommandError, match=r"cannot be read.* nothing was changed"):
            call_command(*command, skip_checks=True)

    assert not key_file.exists() and in_use() == {old}


def test_the_key_file_keeps_its_mode_and_leaves_nothing_beside_it(old, key_file):
    key_file.chmod(0o640)

    keys.add_master_key(key_file, make_current=True)

    assert key_file.stat().st_mode & 0o777 == 0o640
    assert list(key_file.parent.iterdir()) == [key_file]


def test_a_change_that_fails_in_the_middle_changes_nothing(old, key_file):
    before = key_file.read_bytes()

    with pytest.raises(ZeroDivisionError), keys.edit_key_file(key_file) as file:
        file.add(make_current=True)
        raise ZeroDivisionError

    assert key_file.read_bytes() == before


def test_many_may_add_keys_at_once(old, key_file):
    with ThreadPoolExecutor(8) as pool:
        added = set(pool.map(lambda number: keys.add_master_key(key_file, make_current=bool(number % 2)), range(40)))

    assert len(added) == 40
    assert set(keys.master_keys()[1]) == added | {old}
