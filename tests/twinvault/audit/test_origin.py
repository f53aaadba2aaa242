"""From where a deed was done is on record: a page, a worker, a command."""

import json
import socket
import threading
import uuid
from dataclasses import replace

import pytest

from tests.installation import Installation
from twinvault.audit.models import Entry
from twinvault.audit.origin import acting_from, origin
from twinvault.audit.record import record
from twinvault.jobs.services import enqueue
from worker.handlers import HANDLERS
from worker.tasks import run_job


@pytest.fixture
def described(browse, alice, vault):
    """Sends the form that describes a vault, and gives from where it was recorded: `described(REMOTE_ADDR="192.0.2.7")`."""

    def send(**headers) -> str:
        said = {"name": "Grandpa", "subject_name": "Franck"}
        browse(alice).post(f"/vaults/{vault.id}/details/", said, **headers)
        return Entry.objects.get(verb="vault described").origin

    return send


def test_where_nobody_said_it_is_empty(db):
    assert record("swept").origin == ""


def test_a_page_is_known_by_the_address_of_who_asked(described):
    assert described(REMOTE_ADDR="192.0.2.7") == "web 192.0.2.7"


def test_what_a_stranger_says_of_their_address_is_not_believed(described):
    assert described(REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="203.0.113.5") == "web 192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "known"),
    [
        ("203.0.113.5", "web 203.0.113.5"),
        ("198.51.100.1, 203.0.113.5", "web 203.0.113.5"),
        ("198.51.100.1,2001:db8::7", "web 2001:db8::7"),
        ("198.51.100.1, <script>", "web 127.0.0.1"),
        ("", "web 127.0.0.1"),
    ],
)
def test_behind_our_proxy_only_its_own_word_is_believed(described, settings, forwarded, known):
    settings.ENV = replace(settings.ENV, behind_tls=True)

    assert described(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=forwarded) == known


def test_a_server_that_listens_on_a_file_knows_no_address(described):
    assert described(REMOTE_ADDR="") == "web"


def test_an_address_does_not_stay_for_the_next_deed(described):
    described()

    assert origin() == ""


def test_a_worker_is_known_by_its_machine(db, monkeypatch):
    monkeypatch.setitem(HANDLERS, "paint", lambda target, work: record("fence painted", target=str(target)))
    job = enqueue("paint", uuid.uuid4(), queue="cpu", title="Paint the fence")

    run_job(str(job.id))

    assert Entry.objects.get(verb="fence painted").origin == f"worker {socket.gethostname()}"
    assert origin() == ""


def test_a_command_is_known_by_its_name(tmp_path):
    installation = Installation(tmp_path, BROKER="memory://")
    installation.run("manage.py", "migrate")
    making = ["createsuperuser", "--noinput", "--username", "dora", "--email", "dora@example.org"]
    installation.environment["DJANGO_SUPERUSER_PASSWORD"] = "correct horse battery"
    installation.run("manage.py", *making)

    named = installation.run("manage.py", "make_board_member", "dora")

    rows = installation.run("manage.py", "dumpdata", "audit.entry").stdout
    assert named.returncode == 0, named.stderr
    assert [(row["fields"]["verb"], row["fields"]["origin"]) for row in json.loads(rows)] == [
        ("board member named", "command make_board_member")
    ]


def test_a_very_long_origin_is_cut_to_its_column(db):
    with acting_from("worker " + "x" * 300):
        entry = record("swept")

    assert entry.origin == "worker " + "x" * 113


def test_what_is_done_at_once_in_two_threads_is_told_apart():
    both, heard = threading.Barrier(2, timeout=30), {}

    def act(where: str) -> None:
        with acting_from(where):
            both.wait()
            heard[where] = origin()

    threads = [threading.Thread(target=act, args=(where,)) for where in ("web 192.0.2.1", "web 192.0.2.2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert heard == {where: where for where in ("web 192.0.2.1", "web 192.0.2.2")}


def test_the_operator_sees_it_in_the_admin(admin_client):
    with acting_from("worker fjord"):
        record("swept", target="incoming folder")

    assert "worker fjord" in admin_client.get("/admin/audit/entry/").content.decode()
