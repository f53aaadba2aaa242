"""The report of one film: its marks, whether they hold, and how it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from generator.marks import faults_of
from generator.protection.provenance import Provenance


@dataclass(frozen=True)
class Mark:
    """One thing that must hold: what it says, and the test on the report."""

    name: str
    wanted: str
    measured: Callable[[dict], Any]
    holds: Callable[[dict], bool]


def held_for(report: dict) -> str:
    """The marks for which the film is held back, each with what was measured; empty for a film that is not."""
    faults = faults_of(report["film"] | report["identity"])
    return "; ".join(f"{one.mark.measure} {one.text}, {one.mark.wanted}" for one in faults)


MARKS = [
    Mark(
        "the film looks like the subject, not like the actor",
        "swap_to_subject < swap_to_actor",
        lambda r: f"{r['identity']['swap_to_subject']:.3f} < {r['identity']['swap_to_actor']:.3f}",
        lambda r: r["identity"]["swap_to_subject"] < r["identity"]["swap_to_actor"],
    ),
    Mark(
        "it is recognised as the subject",
        "swap_to_subject <= 0.55",
        lambda r: f"{r['identity']['swap_to_subject']:.3f}",
        lambda r: r["identity"]["swap_to_subject"] <= 0.55,
    ),
    Mark(
        "faces that were never seen are rebuilt",
        "heldout_ssim >= 0.85",
        lambda r: f"{r['twin']['heldout_ssim']:.3f}",
        lambda r: r["twin"]["heldout_ssim"] >= 0.85,
    ),
    Mark(
        "every template frame with a face is swapped",
        "frames_swapped = frames_with_face",
        lambda r: f"{r['film']['frames_swapped']} of {r['film']['frames_with_face']}",
        lambda r: r["film"]["frames_swapped"] == r["film"]["frames_with_face"] > 0,
    ),
    Mark(
        "the picture round the face is untouched",
        "background_psnr_db >= 38",
        lambda r: f"{r['film']['background_psnr_db']:.1f} dB",
        lambda r: r["film"]["background_psnr_db"] >= 38,
    ),
    Mark(
        "the film need not be held back",
        "no mark of a film missed",
        lambda r: held_for(r) or "none",
        lambda r: not held_for(r),
    ),
    Mark("the signature holds", "c2pa valid", lambda r: r["checks"]["c2pa"], lambda r: r["checks"]["c2pa"] == "valid"),
    Mark(
        "an outsider is told that it is not there",
        "outsider 404",
        lambda r: r["checks"]["outsider_status"],
        lambda r: r["checks"]["outsider_status"] == 404,
    ),
    Mark(
        "nothing rests in plain text",
        "0 files",
        lambda r: r["checks"]["plaintext_found_on_disk"],
        lambda r: r["checks"]["plaintext_found_on_disk"] == 0,
    ),
]


# measures of a film that tell who it shows; the report keeps them apart
IDENTITY = ("swap_to_subject", "swap_to_actor", "subject_to_actor")


def film_sections(measures: dict) -> dict[str, dict]:
    """The report's sections `film` and `identity`, from what was measured on a film."""
    return {
        "film": {name: value for name, value in measures.items() if name not in IDENTITY},
        "identity": {name: measures[name] for name in IDENTITY},
    }


def said_of(provenance: Provenance) -> str:
    """The report's word: "valid" if the film is unchanged since this house signed it, else what it is."""
    return {"trusted": "valid", "valid": "signed by somebody else"}.get(provenance.state, provenance.state)


def missed(report: dict, marks: list[Mark] = MARKS) -> list[Mark]:
    return [mark for mark in marks if not mark.holds(report)]


def table(report: dict, marks: list[Mark] = MARKS) -> str:
    """The report and its marks as text."""
    lines = []
    for section in ("seconds", "faces", "twin", "film", "identity", "checks"):
        for name, value in report.get(section, {}).items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {count}" for key, count in value.items()) or "none"
            elif isinstance(value, float):
                value = f"{value:,.3f}".rstrip("0").rstrip(".")
            lines.append(f"  {section:<10}{name:<26}{value}")
    lines.append("")
    for mark in marks:
        state = "holds " if mark.holds(report) else "MISSED"
        lines.append(f"  {state}  {mark.name:<54}{mark.wanted:<36}{mark.measured(report)}")
    return "\n".join(lines)
