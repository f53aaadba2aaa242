"""Recording and withdrawing consent; how long it is in force."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from tests.conftest import lapse
from tests.consenting import consent_in_person
from twinvault.audit.models import Entry
from twinvault.vaults.consents import has_consent, may_watch, record_consent, require_consent, withdraw_consent
from twinvault.vaults.models import Role, Subject
from twinvault.vaults.queries import consents_of
from twinvault.vaults.services import NotAllowed, add_life_stage, open_vault, remove_life_stage

GOOD = {"basis": "guardian", "given_by": "Odile's mother", "statement": "We wish it so.", "sure": "on"}


@pytest.fixture
def empty(alice):
    return open_vault(alice, name="Aunt", subject_name="Odile", stages=["adult"])


def test_the_owner_records_it(browse, alice, empty):
    response = browse(alice).post(f"/vaults/{empty.id}/consent/", GOOD)

    consent = empty.subject.consents.get()
    assert response["Location"] == f"/vaults/{empty.id}/"
    assert (consent.basis, consent.given_by, consent.recorded_by) == ("guardian", "Odile's mother", alice)


@pytest.mark.parametrize("missing", ["basis", "given_by", "statement", "sure"])
def test_a_consent_is_whole_or_is_none(browse, alice, empty, missing):
    given = {name: value for name, value in GOOD.items() if name != missing}

    assert browse(alice).post(f"/vaults/{empty.id}/consent/", given).status_code == 400
    assert not has_consent(empty.subject)


def test_withdrawn_it_stays_readable_and_is_no_longer_in_force(browse, alice, vault):
    consent = vault.subject.consents.get()

    response = browse(alice).post(f"/vaults/{vault.id}/consent/{consent.id}/withdraw/", follow=True)

    page = response.content.decode()
    assert not has_consent(vault.subject)
    assert "There is no consent in force for Franck: record one" in page
    assert "I agree that my face is learned." in page
    assert "withdrawn " in page


def test_every_member_reads_it_and_only_the_owner_decides(browse, bob, vault):
    consent = vault.subject.consents.get()
    client = browse(bob)

    page = client.get(f"/vaults/{vault.id}/consent/").content.decode()

    assert "I agree that my face is learned." in page
    assert "Record the consent" not in page
    assert "Withdraw" not in page
    assert client.post(f"/vaults/{vault.id}/consent/", GOOD).status_code == 404
    assert client.post(f"/vaults/{vault.id}/consent/{consent.id}/withdraw/").status_code == 404
    assert has_consent(vault.subject)


def test_an_outsider_finds_nothing(browse, charlie, vault):
    consent = vault.subject.consents.get()

    assert browse(charlie).get(f"/vaults/{vault.id}/consent/").status_code == 404
    assert browse(charlie).post(f"/vaults/{vault.id}/consent/{consent.id}/withdraw/").status_code == 404


def test_a_consent_of_another_vault_is_not_reached_through_ones_own(browse, alice, charlie, vault):
    own = open_vault(charlie, name="Mine", subject_name="Charlie", stages=["adult"])
    consent = vault.subject.consents.get()

    assert browse(charlie).post(f"/vaults/{own.id}/consent/{consent.id}/withdraw/").status_code == 404
    assert has_consent(vault.subject)


def test_until_its_last_day_it_is_in_force_and_then_it_says_so(browse, alice, empty):
    today = timezone.localdate()
    browse(alice).post(f"/vaults/{empty.id}/consent/", GOOD | {"until": today.isoformat()})
    assert has_consent(empty.subject)

    empty.subject.consents.update(until=today - timedelta(days=1))

    assert not has_consent(empty.subject)
    page = browse(alice).get(f"/vaults/{empty.id}/consent/").content.decode()
    assert f"the last one held until {today - timedelta(days=1):%d %B %Y}. Ask anew" in page
    assert "held until " in page and "Withdraw it" in page


def test_a_day_that_is_over_is_refused_in_words(browse, alice, empty):
    answer = browse(alice).post(f"/vaults/{empty.id}/consent/", GOOD | {"until": "2020-02-01"})
    assert answer.status_code == 400 and "This day is over" in answer.content.decode()
    assert not empty.subject.consents.exists()


@pytest.mark.parametrize(
    ("life", "day", "in_force"),
    [
        ({"born_on": date(2008, 11, 26), "born": 2008}, date(2026, 11, 25), True),
        ({"born_on": date(2008, 11, 26), "born": 2008}, date(2026, 11, 26), False),
        ({"born_on": date(2008, 2, 29), "born": 2008}, date(2026, 2, 28), True),
        ({"born_on": date(2008, 2, 29), "born": 2008}, date(2026, 3, 1), False),
        ({"born_on": date(2010, 3, 1), "born": 2010}, date(2028, 2, 29), True),
        ({"born": 2008}, date(2025, 12, 31), True),
        ({"born": 2008}, date(2026, 1, 1), False),
        ({}, date(2026, 1, 1), True),
        ({"born": 1990, "died": 1999}, date(2026, 1, 1), True),
    ],
)
def test_guardians_speak_until_a_child_comes_of_age(alice, empty, monkeypatch, life, day, in_force):
    record_consent(empty.subject, basis="guardian", given_by="Her father", statement="We agree.", by=alice)
    Subject.objects.filter(vault=empty).update(**life)
    monkeypatch.setattr(timezone, "localdate", lambda: day)
    subject = Subject.objects.get(vault=empty)

    assert has_consent(subject) is in_force
    if not in_force:
        with pytest.raises(NotAllowed, match="Odile is of age now, and is to be asked in person"):
            require_consent(subject)


def test_nobody_consents_as_guardian_of_somebody_who_is_of_age(browse, alice, vault):
    answer = browse(alice).post(f"/vaults/{vault.id}/consent/", GOOD | {"basis": "guardian"})
    assert answer.status_code == 400 and "Franck is of age: guardians cannot consent any more" in answer.content.decode()
    assert vault.subject.consents.count() == 1


def test_who_came_of_age_consents_anew_and_the_guardians_word_stays_readable(browse, alice, empty):
    record_consent(empty.subject, basis="guardian", given_by="Her father", statement="We agree.", by=alice)
    Subject.objects.filter(vault=empty).update(born=1990)
    page = browse(alice).get(f"/vaults/{empty.id}/consent/").content.decode()
    assert "held until Odile came of age" in page

    consent_in_person(Subject.objects.get(vault=empty), given_by="Odile", by=alice)

    assert has_consent(Subject.objects.get(vault=empty))


def test_the_last_one_that_is_withdrawn_takes_those_along_that_have_lapsed(alice, vault):
    lapsed = vault.subject.consents.get()
    lapse(vault.subject)
    given = consent_in_person(vault.subject, given_by="Franck", statement="Anew.", by=alice)

    withdraw_consent(given, by=alice)

    lapsed.refresh_from_db()
    assert lapsed.withdrawn_at is not None
    assert Entry.objects.filter(verb="consent withdrawn").count() == 2
    withdraw_consent(given, by=alice)
    assert Entry.objects.filter(verb="consent withdrawn").count() == 2


def test_its_scope_is_read_on_its_page_and_decides_what_it_allows(browse, alice, empty):
    adult = empty.subject.life_stages.get()
    later = add_life_stage(empty.subject, "later", by=alice)
    scope = {"life_stages": [str(adult.id)], "kinds": ["memorial", "storybook"], "watched_by": "3"}
    browse(alice).post(f"/vaults/{empty.id}/consent/", GOOD | scope)

    page = browse(alice).get(f"/vaults/{empty.id}/consent/").content.decode()
    assert "Limited: adult; memorial and storybook; watched by owners alone." in page
    subject = empty.subject
    assert has_consent(subject) and has_consent(subject, adult) and has_consent(subject, adult, "storybook")
    assert not has_consent(subject, later) and not has_consent(subject, adult, "greeting")
    with pytest.raises(NotAllowed, match="no consent in force for Odile that allows greeting"):
        require_consent(subject, adult, "greeting")
    with pytest.raises(NotAllowed, match="that allows “later”"):
        require_consent(subject, later, "memorial")
    assert may_watch(subject, adult, "memorial", Role.OWNER) and not may_watch(subject, adult, "memorial", Role.CONTRIBUTOR)
    with pytest.raises(NotAllowed, match="A consent names adult"):
        remove_life_stage(adult, by=alice)


def test_a_stage_of_another_life_or_a_kind_that_there_is_not_limits_nothing(browse, alice, vault, empty):
    other = str(vault.subject.life_stages.first().id)
    for wrong in ({"life_stages": [other]}, {"kinds": ["advertisement"]}):
        assert browse(alice).post(f"/vaults/{empty.id}/consent/", GOOD | wrong).status_code == 400
    assert not empty.subject.consents.exists()


def test_while_another_one_is_in_force_nothing_ends(alice, vault):
    first = vault.subject.consents.get()
    second = consent_in_person(vault.subject, given_by="Franck", statement="Once more.", by=alice)
    assert [known.ends for known in consents_of(vault)] == [None, None]

    withdraw_consent(first, by=alice)

    assert has_consent(vault.subject)
    assert [(known.in_force, known.ends) for known in consents_of(vault)] == [(True, []), (False, None)]
    assert second.withdrawn_at is None
