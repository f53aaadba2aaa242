"""The timeline: who sees it, what it shows, and saying when things were filmed for many pieces at once."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from acquisition.models import Footage, TimelineChange
from acquisition.timeline import queries
from twinvault.audit.models import Entry
from twinvault.custody.models import StoredObject
from twinvault.safe import services as safe
from twinvault.vaults.models import LifeStage, Role
from twinvault.vaults.services import set_member


@pytest.fixture
def life(vault):
    """Adult until 1999, senior from 2000 on; nothing is read of the footage here."""
    LifeStage.objects.filter(subject__vault=vault, name="adult").update(from_year=1965, to_year=1999)
    LifeStage.objects.filter(subject__vault=vault, name="senior").update(from_year=2000)
    return vault


@pytest.fixture
def many(life, alice):
    """Makes rows of footage."""
    stage = life.subject.life_stages.first()

    def make(count: int, source: str = "exif", stage_source: str = "date", day: date | None = date(1970, 1, 1)) -> list[Footage]:
        objects = StoredObject.objects.bulk_create(
            [StoredObject(id=uuid4(), keyring=life.keyring, kind="footage", wrapped_key=b"k", size=1) for _ in range(count)]
        )
        days = [day and day + timedelta(days=number) for number in range(count)]
        return Footage.objects.bulk_create(
            Footage(
                vault=life,
                life_stage=stage,
                stage_source=stage_source,
                content=content,
                fingerprint=str(content.id),
                filename=f"{source or 'un'}dated {content.id}.mp4",
                filmed_on=on,
                filmed_to=on,
                filmed_precision="day" if on else "",
                filmed_source=source if on else "",
                added_by=alice,
            )
            for content, on in zip(objects, days, strict=True)
        )

    return make


@pytest.fixture
def act(browse, bob, life):
    """Bob, who contributes, presses a button on the timeline."""

    def press(kind: str, rows=(), **fields):
        said = {"act": kind, "id": [str(row.id) for row in rows]} | fields
        return browse(bob).post(f"/vaults/{life.id}/timeline/change/", said, follow=True).content.decode()

    return press


def state(row: Footage) -> tuple:
    row = Footage.objects.select_related("life_stage").get(id=row.id)
    return row.filmed_in_words, row.filmed_source, row.life_stage.name, row.stage_source


def page(client, vault, query: str = "") -> str:
    answer = client.get(f"/vaults/{vault.id}/timeline/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


# --- looking ---


def test_it_says_when_how_old_and_who_says_so(browse, bob, life, many):
    many(1)
    shown = page(browse(bob), life)

    for words in ("1 January 1970", "30 years old", "dated by the camera, in the picture", "1970: 1 dated, 0 guessed"):
        assert words in shown


def test_guesses_are_shown_as_such_with_their_reason(browse, bob, life, many):
    [row] = many(1, source="guess", stage_source="guess")
    Footage.objects.filter(id=row.id).update(guessed_because="It is counted next to IMG_1.jpg.")
    shown = page(browse(bob), life)

    assert '<span class="badge wait">guess</span>' in shown
    assert "It is counted next to IMG_1.jpg." in shown


def test_lanes_years_and_stages_narrow_it_down(browse, bob, life, many):
    many(3)
    many(2, source="guess", stage_source="guess", day=date(2010, 5, 1))
    many(1, day=None)
    client, adult = browse(bob), life.subject.life_stages.first()

    for query, count in [
        ("", 6),
        ("?lane=dated", 3),
        ("?lane=guessed", 2),
        ("?lane=undated", 1),
        ("?year=2010", 2),
        (f"?stage={adult.id}", 6),
        (f"?stage={uuid4()}", 0),
        ("?year=soon&stage=x&lane=y", 6),
    ]:
        assert page(client, life, query).count('name="id"') == count, query


def test_it_costs_the_same_for_two_thousand(browse, bob, life, many, django_assert_num_queries, django_assert_max_num_queries):
    client = browse(bob)
    many(2)
    with django_assert_max_num_queries(13) as few:
        page(client, life)
    many(1998, source="guess", stage_source="guess")

    with django_assert_num_queries(len(few)):
        shown = page(client, life, "?page=3")
    assert shown.count('name="id"') == queries.FOOTAGE_A_PAGE
    assert "Page 3 of 20" in shown


def test_an_empty_vault_has_an_empty_timeline(browse, bob, life):
    assert "No footage here." in page(browse(bob), life)


def test_no_script_and_no_style_is_written_into_the_page(browse, bob, life, many):
    many(1)
    shown = page(browse(bob), life)

    assert "<script>" not in shown and "style=" not in shown


# --- who may ---


@pytest.mark.parametrize("address", ["timeline/change/", "timeline/take-back/"])
def test_a_viewer_only_looks_and_an_outsider_finds_nothing(browse, alice, charlie, life, many, address):
    [row] = many(1)
    said = {"act": "date", "id": row.id, "in_year": "1950"}
    assert browse(charlie).get(f"/vaults/{life.id}/timeline/").status_code == 404
    assert browse(charlie).post(f"/vaults/{life.id}/{address}", said).status_code == 404
    assert browse(charlie).post(f"/footage/{row.id}/when/", said).status_code == 404

    set_member(life, charlie, Role.VIEWER, by=alice)
    shown = page(browse(charlie), life)
    assert 'name="id"' not in shown and "Set the date" not in shown
    assert browse(charlie).post(f"/vaults/{life.id}/{address}", said).status_code == 404
    assert browse(charlie).post(f"/footage/{row.id}/when/", said).status_code == 404
    assert state(row)[1] == "exif"


def test_footage_of_another_vault_is_not_reached_through_ones_own(browse, charlie, many):
    from twinvault.vaults.services import open_vault

    [row] = many(1)
    own = open_vault(charlie, name="Mine", subject_name="Charlie", stages=["adult"])
    browse(charlie).post(f"/vaults/{own.id}/timeline/change/", {"act": "date", "id": row.id, "in_year": "1950"})

    assert state(row)[1] == "exif"


# --- saying when ---


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"in_year": "2005"}, "2005"),
        ({"in_year": "2005", "month": "6"}, "June 2005"),
        ({"in_year": "2005", "month": "6", "day": "30"}, "30 June 2005"),
    ],
)
def test_a_date_is_set_for_many_and_moves_them_to_its_stage(act, many, said, words):
    rows = many(3)

    assert "2 pieces of footage dated." in act("date", rows[:2], **said)
    assert state(rows[0]) == state(rows[1]) == (words, "person", "senior", "date")
    assert state(rows[2])[1] == "exif"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"in_year": ""}, "Say at least the year."),
        ({"in_year": "2005", "day": "3"}, "There is no such day"),
        ({"in_year": "2005", "month": "2", "day": "30"}, "There is no such day"),
        ({"in_year": "1700"}, "greater than or equal"),
        ({"in_year": "2999"}, "less than or equal"),
    ],
)
def test_what_is_no_date_is_said(act, many, said, sentence):
    [row] = many(1)

    assert sentence in act("date", [row], **said)
    assert state(row)[1] == "exif"


def test_a_stage_that_a_person_chose_stays(act, many, life):
    [row] = many(1)
    senior = life.subject.life_stages.last()
    act("stage", [row], into=senior.id)
    act("date", [row], in_year="1980")

    assert state(row) == ("1980", "person", "senior", "person")
    # unless the person says otherwise
    act("move", [row])
    assert state(row) == ("1980", "person", "adult", "date")


def test_a_stage_of_another_vault_cannot_be_chosen(act, many):
    [row] = many(1)

    assert "Choose a stage of life first." in act("stage", [row], into=uuid4())
    assert state(row)[3] == "date"


def test_guesses_are_confirmed_in_bulk_and_nothing_else(act, many):
    guessed = many(3, source="guess", stage_source="guess")
    undated = many(1, source="", stage_source="guess", day=None)
    dated = many(1)

    assert "What was guessed of 4 pieces of footage is confirmed." in act("confirm", [*guessed, *undated, *dated])
    assert state(guessed[0]) == ("1 January 1970", "person", "adult", "date")
    assert state(undated[0]) == ("", "", "adult", "person")
    assert state(dated[0])[1] == "exif"


def test_all_that_the_filter_shows_is_acted_upon(act, many, life):
    many(150, source="guess", stage_source="guess")
    [dated] = many(1)

    assert "What was guessed of 150 pieces" in act("confirm", all="1", lane="guessed")
    assert not Footage.objects.filter(filmed_source="guess").exists()
    assert state(dated)[1] == "exif"


def test_nothing_chosen_is_said_and_an_unknown_act_is_refused(act, browse, bob, life, many):
    many(1)

    assert "Choose some footage first." in act("confirm")
    assert browse(bob).post(f"/vaults/{life.id}/timeline/change/", {"act": "burn"}).status_code == 400


def test_a_garbled_id_is_none(act, many):
    [row] = many(1)

    assert "1 piece of footage dated." in act("date", id=[str(row.id), "x"], in_year="2005")


def test_each_act_is_recorded_with_its_count_and_no_name(act, many):
    act("date", many(3), in_year="2005")

    entry = Entry.objects.get(verb="footage dated")
    assert (entry.details, entry.target.split()[0]) == ({"count": 3}, "vault")


def test_a_sealed_vault_lets_dates_be_said(act, many, life, alice):
    [row] = many(1)
    safe.set_password(life, "a long secondary password", by=alice)
    safe.seal(life, by=alice, password="a long secondary password")

    act("date", [row], in_year="2005")
    assert state(row)[:2] == ("2005", "person")


# --- taking back ---


def test_the_last_act_is_taken_back(act, browse, bob, life, many):
    rows = many(2)
    [guessed] = many(1, source="guess", stage_source="guess", day=date(1971, 1, 1))
    before = [state(row) for row in [*rows, guessed]]
    act("stage", rows, into=life.subject.life_stages.last().id)
    act("date", [*rows, guessed], in_year="2005")
    shown = browse(bob).post(f"/vaults/{life.id}/timeline/take-back/", follow=True).content.decode()

    assert "Taken back: 3 pieces of footage as before." in shown
    assert "Take back your last change" not in shown
    assert [state(row)[:2] for row in rows] == [one[:2] for one in before[:2]]
    # only the last
    assert state(rows[0])[2:] == ("senior", "person")
    assert Entry.objects.get(verb="timeline change taken back").details == {"count": 3}


def test_what_somebody_else_has_said_since_stays(act, browse, alice, bob, life, many):
    rows = many(2)
    act("date", rows, in_year="2005")
    browse(alice).post(f"/vaults/{life.id}/timeline/change/", {"act": "date", "id": rows[0].id, "in_year": "2010"})
    browse(bob).post(f"/vaults/{life.id}/timeline/take-back/")

    assert state(rows[0])[:2] == ("2010", "person")
    assert state(rows[1])[:2] == ("2 January 1970", "exif")
    assert TimelineChange.objects.get().user == alice


def test_with_nothing_to_take_back_nothing_happens(browse, bob, life):
    assert "Taken back: 0 pieces" in browse(bob).post(f"/vaults/{life.id}/timeline/take-back/", follow=True).content.decode()


# --- what other bounds would move ---


def test_other_bounds_move_nothing_before_somebody_says_so(act, browse, bob, life, many):
    rows = many(3, day=date(1990, 1, 1))
    chosen = many(1, stage_source="person", day=date(1995, 1, 1))
    adult, senior = life.subject.life_stages.all()
    client = browse(bob)
    client.post(f"/vaults/{life.id}/stages/{adult.id}/", {"name": "adult", "from_year": "1965", "to_year": "1980"})
    shown = client.post(
        f"/vaults/{life.id}/stages/{senior.id}/", {"name": "senior", "from_year": "1981"}, follow=True
    ).content.decode()

    assert "3 pieces of footage would move to other stages of life" in shown
    assert {state(row)[2] for row in [*rows, *chosen]} == {"adult"}
    assert page(client, life, "?lane=moving").count('name="id"') == 3
    act("move", all="1", lane="moving")
    assert [state(row)[2:] for row in rows] == [("senior", "date")] * 3
    assert state(chosen[0])[2:] == ("adult", "person")
    assert "would move" not in client.get(f"/vaults/{life.id}/stages/").content.decode()


# --- a piece of footage by itself ---


def test_its_own_page_says_and_corrects_when_it_was_filmed(browse, bob, many):
    [row] = many(1, source="guess", stage_source="guess")
    Footage.objects.filter(id=row.id).update(guessed_because="What was sent with it is of that time.")
    client, address = browse(bob), f"/footage/{row.id}/"
    shown = client.get(address).content.decode()
    for words in ("1 January 1970, 30 years old", "is a guess.", "What was sent with it is of that time.", "Confirm the guess"):
        assert words in shown

    shown = client.post(f"{address}when/", {"act": "date", "in_year": "1980", "month": "6"}, follow=True).content.decode()
    for words in ("June 1980", "says a person", "by its date", '<option value="6" selected>'):
        assert words in shown
    assert "Confirm the guess" not in shown


def test_a_guess_is_confirmed_on_its_own_page(browse, bob, many):
    [row] = many(1, source="guess", stage_source="guess")
    browse(bob).post(f"/footage/{row.id}/when/", {"act": "confirm"})

    assert state(row) == ("1 January 1970", "person", "adult", "date")
    assert browse(bob).post(f"/footage/{row.id}/when/", {"act": "burn"}).status_code == 400
