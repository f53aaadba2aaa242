"""What is known of when footage was filmed, as the safe exports, imports and erases it."""

import io
import json
import shutil
import zipfile
from datetime import date

import pytest

from acquisition.dating import Precision
from acquisition.models import Footage, Sidecar, TimelineChange
from acquisition.services import add_footage
from acquisition.sidecars import keep_sidecar
from acquisition.timeline import services as timeline
from twinvault.jobs.models import Job
from twinvault.safe import erasure, exports, services
from twinvault.safe.importing import ImportRefused, import_vault
from twinvault.safe.models import Scope
from twinvault.vaults.models import LifeStage, Subject
from worker.inline import run_queued_jobs

PASSWORD = "the boat under the walnut tree"
TAKEOUT = json.dumps({"photoTakenTime": {"timestamp": "1562247005"}}).encode()
KNOWN = [
    "filmed_on",
    "filmed_to",
    "filmed_time",
    "filmed_precision",
    "filmed_source",
    "stage_source",
    "guessed_because",
    "folder",
]


@pytest.fixture
def dated(vault, stage, alice):
    """Footage with a date of each kind, and a sidecar whose footage has not come."""
    Subject.objects.filter(vault=vault).update(born_on=date(1940, 6, 15))
    LifeStage.objects.filter(subject__vault=vault, name="senior").update(from_age=60)
    for number, name in enumerate(["IMG_20190704_153000.jpg", "1987-06 holiday.mp4", "clip.mov"]):
        add_footage(vault, None, name, io.BytesIO(bytes([number])), by=alice, folder="Album")
    timeline.set_date(vault, Footage.objects.filter(filename="clip.mov"), date(1990, 1, 1), Precision.DAY, by=alice)
    keep_sidecar(vault, "X.jpg.json", io.BytesIO(TAKEOUT), folder="Album")
    # nothing is looked at here
    Job.objects.all().delete()
    return vault


@pytest.fixture
def zip_file(dated, alice, tmp_path):
    services.set_password(dated, PASSWORD, by=alice)
    export, _ = exports.ask(dated, services.unlock(dated, by=alice, password=PASSWORD), by=alice)
    run_queued_jobs()
    export = exports.Export.objects.select_related("vault", "plan__keyring").get(id=export.id)
    path = tmp_path / "export.zip"
    with exports.open_zip(export) as reader, path.open("wb") as file:
        shutil.copyfileobj(reader, file)
    return path


def known() -> list:
    """Every column on dates, of footage, sidecars, stages and the subject."""
    return [
        sorted(Footage.objects.values_list("filename", *KNOWN, "life_stage__name")),
        sorted(
            Sidecar.objects.values_list("filename", "folder", "filmed_on", "filmed_time", "filmed_precision", "filmed_source")
        ),
        sorted(LifeStage.objects.values_list("name", "from_age", "to_age", "from_year", "to_year"), key=str),
        list(Subject.objects.values_list("born", "born_on", "died", "died_on")),
    ]


def test_an_import_knows_when_everything_was_filmed(dated, zip_file, alice):
    before = known()
    assert len(before[0]) == 3 and len(before[1]) == 1
    erasure.ask(dated, Scope.VAULT, by=alice)
    run_queued_jobs()
    assert known() == [[], [], [], []]

    import_vault(zip_file, alice)
    assert known() == before


def test_half_a_date_is_not_imported(dated, zip_file, alice):
    erasure.ask(dated, Scope.VAULT, by=alice)
    run_queued_jobs()
    forged = zip_file.with_name("forged.zip")
    with zipfile.ZipFile(zip_file) as source, zipfile.ZipFile(forged, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "rows.jsonl":
                content = content.replace(b'"filmed_to": "2019-07-04"', b'"filmed_to": null')
            target.writestr(name, content)

    with pytest.raises(ImportRefused, match="a row in it cannot be used"):
        import_vault(forged, alice)


@pytest.mark.parametrize("scope", list(Scope))
def test_what_was_said_of_it_goes_with_the_footage(dated, alice, scope):
    erasure.ask(dated, scope, by=alice)
    run_queued_jobs()

    assert not Footage.objects.exists() and not Sidecar.objects.exists() and not TimelineChange.objects.exists()
