"""The owner's Safe page: what it says, what it asks for, and who does not see it."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.twinvault.safe.conftest import ACCOUNT_PASSWORD, PASSWORD
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import Archive, StoredObject
from twinvault.jobs.services import enqueue
from twinvault.safe import services
from twinvault.safe.models import Erasure, Export, Retention
from twinvault.safe.urls import urlpatterns
from twinvault.vaults.models import Role, Vault
from twinvault.vaults.services import set_member
from worker.inline import run_queued_jobs


@pytest.fixture
def safe(vault) -> str:
    return f"/vaults/{vault.id}/safe/"


@pytest.fixture
def footage(vault):
    return objects.store(vault.keyring, "footage", b"grandpa at sea " * 100)


PROOF = {"retention-account_password": ACCOUNT_PASSWORD}


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def choose_password(client, safe: str, **given):
    said = {"new": PASSWORD, "again": PASSWORD, "account_password": ACCOUNT_PASSWORD} | given
    return client.post(f"{safe}password/", said)


def test_it_says_what_is_held_and_how_it_stands(browse, alice, safe, footage):
    page = text(browse(alice).get(safe))

    assert "<strong>Open.</strong>" in page
    assert "Footage, as it was brought in" in page and "1.5" in page
    assert "Sealing and exports need a secondary password" in page


def test_the_recovery_code_is_shown_once_and_kept_nowhere(browse, alice, safe, vault):
    client = browse(alice)
    answer = choose_password(client, safe)
    code = re.search(r'<p class="code">([0-9A-Z-]{35})</p>', text(answer)).group(1)

    assert answer["Cache-Control"] == "private, no-store"
    assert "is set." in text(answer)
    assert code not in text(client.get(safe)) + text(client.get(f"{safe}password/"))
    assert services.unlock(vault, by=alice, code=code)
    assert choose_password(client, safe).status_code == 400, "the form sent again does not set another one"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"new": "short", "again": "short"}, "at least 12 are needed"),
        ({"new": ACCOUNT_PASSWORD, "again": ACCOUNT_PASSWORD}, "This is the password of your account"),
        ({"again": "something else entirely"}, "not the same as above"),
        ({"account_password": "a stolen session does not know it"}, "That is not the password of your account."),
        ({"new": "passwordpassword", "again": "passwordpassword"}, ""),
    ],
)
def test_a_bad_secondary_password_is_not_taken(browse, alice, safe, given, sentence):
    answer = choose_password(browse(alice), safe, **given)

    if sentence:
        assert answer.status_code == 400 and sentence in text(answer)
        assert not Archive.objects.exists()


def test_it_is_changed_with_the_old_one_or_the_code(browse, alice, safe, code, vault):
    client = browse(alice)
    wrong = choose_password(client, safe, password="not it", new="a walk by the river", again="a walk by the river")
    assert wrong.status_code == 400 and "That is not the secondary password." in text(wrong)
    nothing = choose_password(client, safe, new="a walk by the river", again="a walk by the river")
    assert nothing.status_code == 400 and "or the recovery code below" in text(nothing)

    answer = choose_password(client, safe, code=code.lower(), new="a walk by the river", again="a walk by the river")

    assert answer.status_code == 200 and "the old one and the old code open nothing any more" in text(answer)
    assert services.unlock(vault, by=alice, password="a walk by the river")


def test_from_open_to_sealed_to_unsealed_and_back(browse, alice, safe, code, vault, footage):
    client = browse(alice)
    client.post(f"{safe}seal/", {"seal-password": PASSWORD})
    assert "Being sealed" in text(client.get(safe))
    run_queued_jobs()
    assert "<strong>Sealed</strong> since" in text(client.get(safe))
    assert '<span class="badge sealed">sealed</span>' in text(client.get(f"/vaults/{vault.id}/"))

    client.post(f"{safe}unseal/", {"unseal-password": PASSWORD, "unseal-hours": "8"})
    assert "Unsealed until" in text(client.get(safe))
    assert '<span class="badge sealed">' not in text(client.get(f"/vaults/{vault.id}/"))

    client.post(f"{safe}close/")
    assert "<strong>Sealed</strong> since" in text(client.get(safe))


@pytest.mark.parametrize("deed", ["seal", "unseal", "exports"])
def test_a_wrong_password_is_said_and_nothing_happens(browse, alice, safe, code, vault, footage, deed):
    if deed == "unseal":
        services.seal(vault, by=alice, password=PASSWORD)
        run_queued_jobs()
    before = Archive.objects.get().state
    prefix = "export" if deed == "exports" else deed

    answer = browse(alice).post(f"{safe}{deed}/", {f"{prefix}-password": "wrong", "unseal-hours": "8"})

    assert answer.status_code == 400 and "That is not the secondary password." in text(answer)
    assert Archive.objects.get().state == before and not Export.objects.exists()
    assert Entry.objects.filter(verb="wrong secondary password", actor=alice).count() == 1


def test_what_a_job_needs_is_named_before_and_after_the_try(browse, alice, safe, code, vault):
    enqueue("train_twin", vault.id, queue="gpu", title="Learning Franck, adult v1", vault=vault)
    client = browse(alice)

    assert "“Learning Franck, adult v1” is under way and needs the footage." in text(client.get(safe))
    answer = client.post(f"{safe}seal/", {"seal-password": PASSWORD})
    assert answer.status_code == 400 and "is under way and needs the footage: let it end, or stop it" in text(answer)


def test_an_export_is_downloaded_whole_and_by_ranges_by_who_has_its_address(browse, alice, safe, code, vault, footage):
    client = browse(alice)
    asked = client.post(f"{safe}exports/", {"export-password": PASSWORD})
    address = asked["Location"]
    assert "job" in text(client.get(address))
    run_queued_jobs()
    page = text(client.get(address))
    download = re.search(r'href="([^"]+everything.zip)"', page).group(1)

    answer = client.get(download)
    whole = b"".join(answer.streaming_content)
    assert answer.status_code == 200 and len(whole) == int(answer["Content-Length"]) == Export.objects.get().size
    assert answer["Content-Disposition"].startswith("attachment")
    part = client.get(download, headers={"Range": "bytes=1000-", "If-Range": answer["ETag"]})
    assert part.status_code == 206 and b"".join(part.streaming_content) == whole[1000:]
    other = client.get(download, headers={"Range": "bytes=1000-", "If-Range": '"of another one"'})
    assert other.status_code == 200 and b"".join(other.streaming_content) == whole
    assert Entry.objects.filter(verb="export downloaded").count() >= 1


def test_a_stolen_session_without_the_address_gets_no_export(browse, alice, safe, code, vault, footage):
    client = browse(alice)
    address = client.post(f"{safe}exports/", {"export-password": PASSWORD})["Location"]
    run_queued_jobs()
    token = address.rstrip("/").rsplit("/", 1)[1]

    page = text(client.get(safe))
    assert "Asked for by Alice" in page and token not in page
    guessed = address.replace(token, "x" * len(token))
    assert client.get(guessed).status_code == client.get(f"{guessed}everything.zip").status_code == 404


def test_the_address_without_the_session_gets_no_export_either(browse, client, alice, bob, safe, code, vault, footage):
    address = browse(alice).post(f"{safe}exports/", {"export-password": PASSWORD})["Location"]
    run_queued_jobs()
    client.logout()

    assert client.get(f"{address}everything.zip")["Location"].startswith("/sign-in/")
    assert browse(bob).get(f"{address}everything.zip").status_code == 404


def test_an_ended_export_says_so(browse, alice, safe, code, vault, footage):
    client = browse(alice)
    address = client.post(f"{safe}exports/", {"export-password": PASSWORD})["Location"]
    run_queued_jobs()
    client.post(f"{safe}exports/{Export.objects.get().id}/end/")

    assert "This export is over" in text(client.get(address))
    assert "This export is over" in text(client.get(f"{address}everything.zip", follow=True))


@pytest.mark.parametrize("scope", ["sources", "subject", "vault"])
def test_erasing_takes_the_name_and_the_accounts_password_and_gives_a_receipt(browse, alice, safe, vault, footage, scope):
    client = browse(alice)
    said = {"erase-scope": scope, "erase-name": "grandpa", "erase-account_password": ACCOUNT_PASSWORD}

    receipt = client.post(f"{safe}erase/", said)["Location"]
    assert "The keys are destroyed" in text(client.get(receipt))
    run_queued_jobs()

    page = text(client.get(receipt))
    assert "<h1>Receipt</h1>" in page and '<th scope="row">Footage, as it was brought in</th><td>1</td>' in page
    lines = client.get(f"{receipt}?lines")
    assert str(footage.id) in lines.content.decode() and lines["Content-Disposition"].startswith("attachment")
    assert not StoredObject.objects.filter(id=footage.id).exists()
    assert Vault.objects.exists() == (scope != "vault")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"erase-name": "Grandma"}, "This vault is called “Grandpa”."),
        ({"erase-account_password": "wrong"}, "That is not the password of your account."),
        ({"erase-scope": "everything"}, "not one of the available choices"),
        ({"erase-account_password": ""}, "required"),
    ],
)
def test_an_erasure_that_was_not_meant_does_not_happen(browse, alice, safe, vault, footage, wrong, sentence):
    said = {"erase-scope": "vault", "erase-name": "Grandpa", "erase-account_password": ACCOUNT_PASSWORD} | wrong

    answer = browse(alice).post(f"{safe}erase/", said)

    assert answer.status_code == 400 and sentence in text(answer)
    assert not Erasure.objects.exists() and objects.read(footage)


def test_a_stolen_session_cannot_guess_the_accounts_password_here(browse, alice, safe, vault):
    said = {"erase-scope": "vault", "erase-name": "Grandpa", "erase-account_password": "a guess"}
    client = browse(alice)
    for _ in range(5):
        client.post(f"{safe}erase/", said)

    answer = client.post(f"{safe}erase/", said | {"erase-account_password": ACCOUNT_PASSWORD})

    assert "wait a few minutes" in text(answer) and not Erasure.objects.exists()
    Entry.objects.update(at=timezone.now() - timedelta(minutes=11))
    assert client.post(f"{safe}erase/", said | {"erase-account_password": ACCOUNT_PASSWORD}).status_code == 302


def test_the_receipt_of_a_vault_that_is_gone_is_for_who_asked(browse, alice, bob, safe, vault):
    said = {"erase-scope": "vault", "erase-name": "Grandpa", "erase-account_password": ACCOUNT_PASSWORD}
    receipt = browse(alice).post(f"{safe}erase/", said)["Location"]
    run_queued_jobs()

    assert browse(alice).get(receipt).status_code == 200
    assert browse(bob).get(receipt).status_code == 404


def test_retention_is_set_and_says_when(browse, alice, safe, vault, footage):
    client = browse(alice)
    client.post(f"{safe}retention/", {"retention-action": "erase", "retention-days": "30"} | PROOF)

    due = timezone.now() + timedelta(days=30)
    assert f"will be erased for good on {due.day} {due:%B %Y}" in text(client.get(safe))
    client.post(f"{safe}retention/", {"retention-action": ""} | PROOF)
    assert not Retention.objects.exists()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"retention-action": "erase", "retention-days": ""}, "Say after how many days."),
        ({"retention-action": "erase", "retention-days": "0"}, "greater than or equal to 1"),
        ({"retention-action": "seal", "retention-days": "9"}, "has no secondary password yet"),
        (
            {"retention-action": "erase", "retention-days": "9", "retention-account_password": "wrong"},
            "That is not the password of your account.",
        ),
    ],
)
def test_a_rule_that_cannot_be_kept_is_not_taken(browse, alice, safe, said, sentence):
    answer = browse(alice).post(f"{safe}retention/", PROOF | said)

    assert answer.status_code == 400 and sentence in text(answer)
    assert not Retention.objects.exists()


def addresses(vault) -> list[tuple[str, str]]:
    """(method, address) of every page of the safe, from the URL conf itself."""
    some = {"vault_id": vault.id, "export_id": vault.id, "erasure_id": vault.id, "token": "x"}
    found = []
    for pattern in urlpatterns:
        kwargs = {name: some[name] for name in pattern.pattern.converters}
        address = reverse(pattern.name, kwargs=kwargs)
        found += [("get", address), ("post", address)]
    return found


def test_nobody_but_an_owner_is_told_that_it_is_there(browse, client, alice, bob, charlie, board, vault, code):
    vera = charlie.__class__.objects.create_user("vera", "vera@example.org", "correct horse battery")
    set_member(vault, vera, Role.VIEWER, by=alice)
    for person in (bob, vera, charlie, board[0]):
        for method, address in addresses(vault):
            status = getattr(browse(person), method)(address).status_code
            assert status in (404, 405), (person, method, address, status)
    client.logout()
    for method, address in addresses(vault):
        answer = getattr(client, method)(address)
        assert answer.status_code == 405 or answer["Location"].startswith("/sign-in/"), (method, address)


def test_only_owners_have_it_in_their_navigation(browse, alice, bob, vault, safe):
    assert f'href="{safe}"' in text(browse(alice).get(f"/vaults/{vault.id}/"))
    assert f'href="{safe}"' not in text(browse(bob).get(f"/vaults/{vault.id}/"))


def test_nothing_is_written_into_its_pages_that_the_policy_forbids(browse, alice, safe, vault, code, footage):
    client = browse(alice)
    export = client.post(f"{safe}exports/", {"export-password": PASSWORD})["Location"]
    said = {"erase-scope": "sources", "erase-name": "Grandpa", "erase-account_password": ACCOUNT_PASSWORD}
    pages = [safe, f"{safe}password/", export, client.post(f"{safe}erase/", said)["Location"]]
    for address in pages:
        page = text(client.get(address))
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", page), address
        assert page.count("<h1") == 1


def test_the_page_costs_the_same_few_queries_however_much_there_is(browse, alice, safe, vault, code, count_queries):
    client = browse(alice)
    client.get(safe)
    few = count_queries(lambda: client.get(safe))
    for number in range(30):
        objects.store(vault.keyring, "footage", bytes([number]))

    assert count_queries(lambda: client.get(safe)) == few <= 25
