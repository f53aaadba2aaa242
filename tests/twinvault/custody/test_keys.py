"""Keys wrap keys; the master key lies outside the data folder, and what is wrong with it is said plainly."""

import dataclasses
import json

import pytest
from django.core.checks import ERROR
from django.core.management import call_command

from twinvault.custody import keys, objects
from twinvault.custody.checks import key_files, keys_that_are_needed, keys_that_are_needed_to_deploy


def mode_of(path) -> int:
    return path.stat().st_mode & 0o777


def ids(messages) -> set[str]:
    return {message.id for message in messages}


def test_a_new_key_file_is_private_and_never_overwritten(key_file):
    assert mode_of(key_file) == 0o600
    assert len(keys.master_keys()[1]) == 1
    with pytest.raises(FileExistsError):
        keys.make_master_key_file(key_file)


def test_keys_for_different_purposes_differ():
    key = bytes(32)

    assert len({keys.derive(key, purpose) for purpose in ("wrap file keys", "fingerprints", "unfinished tail")}) == 3
    assert keys.derive(key, "fingerprints") == keys.derive(key, "fingerprints")


def test_a_sealed_word_opens_with_its_key_and_context_only():
    sealed = keys.seal(bytes(32), b"word", "here")

    assert keys.unseal(bytes(32), sealed, "here") == b"word"
    for key, content, context in [(b"1" * 32, sealed, "here"), (bytes(32), sealed, "there"), (bytes(32), sealed[:-1], "here")]:
        with pytest.raises(keys.KeyUnavailable):
            keys.unseal(key, content, context)


def test_a_file_key_opens_in_its_keyring_only(db):
    one, other = keys.new_keyring("test"), keys.new_keyring("test")
    wrapped = keys.wrap_file_key(one, b"k" * 32, "object 1")

    assert keys.unwrap_file_key(one, wrapped, "object 1") == b"k" * 32
    with pytest.raises(keys.KeyUnavailable):
        keys.unwrap_file_key(other, wrapped, "object 1")
    with pytest.raises(keys.KeyUnavailable):
        keys.unwrap_file_key(one, wrapped, "object 2")


def test_an_old_master_key_opens_what_it_wrapped_after_a_new_one_came(db, key_file):
    old = keys.new_keyring("test")
    stored = objects.store(old, "pack", b"kept")
    content = json.loads(key_file.read_text())
    fresh = key_file.with_name("fresh.json")
    fresh_id = keys.make_master_key_file(fresh)
    content["keys"] |= json.loads(fresh.read_text())["keys"]
    key_file.write_text(json.dumps(content | {"current": fresh_id}))

    new = keys.new_keyring("test")

    assert objects.read(stored) == b"kept"
    assert new.master_key_id == fresh_id != old.master_key_id


def test_a_lost_master_key_is_named(db, key_file):
    keyring = keys.new_keyring("test")
    key_file.unlink()
    keys.make_master_key_file(key_file)

    with pytest.raises(keys.KeyUnavailable, match=keyring.master_key_id):
        keys.working_key(keyring)
    assert ids(keys_that_are_needed(["default"])) == ids(keys_that_are_needed_to_deploy()) == {"custody.E005"}
    assert keys_that_are_needed() == keys_that_are_needed_to_deploy(["default"]) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"current": "a", "keys": {}}',
        '{"current": "a", "keys": {"a": "c2hvcnQ="}}',
        '{"current": 1, "keys": 2}',
    ],
)
def test_a_damaged_key_file_is_named(key_file, content):
    key_file.write_text(content)

    with pytest.raises(keys.KeyUnavailable, match=str(key_file)):
        keys.master_keys()
    assert ids(key_files()) == {"custody.E003"}


def test_all_is_well_at_first(db, key_file):
    keys.new_keyring("test")

    assert key_files() == []
    assert keys_that_are_needed(["default"]) == []


def test_a_missing_key_file_is_said_at_start(db, key_file):
    key_file.unlink()

    assert ids(key_files()) == {"custody.E001"}
    assert keys_that_are_needed(["default"]) == []
    with pytest.raises(keys.KeyUnavailable, match="cannot be read"):
        keys.new_keyring("test")


def test_a_key_inside_the_data_folder_is_said_at_start(key_file, settings):
    settings.DATA_DIR = key_file.parent.parent

    assert ids(key_files()) == {"custody.E002"}


def test_a_key_that_the_group_can_read_is_said_at_start(key_file):
    key_file.chmod(0o640)

    assert ids(key_files()) == {"custody.W001"}


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_key_that_everybody_can_read_or_write_is_an_error(key_file, mode):
    key_file.chmod(mode)

    (message,) = key_files()
    assert message.id == "custody.E006" and message.level == ERROR
    assert message.hint == f"chmod 600 {key_file}"


def test_a_passing_secret_key_is_said_at_start(key_file, settings):
    settings.SECRET_KEY_IS_LASTING = False

    assert ids(key_files()) == {"custody.E004"}


def test_make_keys_makes_what_is_missing_and_keeps_the_rest(tmp_path, settings, capsys):
    path = tmp_path / "new/master.json"
    settings.ENV = dataclasses.replace(settings.ENV, master_key_file=path, secret_key="")
    settings.KEY_DIR = path.parent

    call_command("make_keys")
    first = path.read_bytes(), (path.parent / "django.key").read_bytes()
    call_command("make_keys")

    assert first == (path.read_bytes(), (path.parent / "django.key").read_bytes())
    assert mode_of(path) == mode_of(path.parent / "django.key") == 0o600
    assert "made" in capsys.readouterr().out
