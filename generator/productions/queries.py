"""Reads on films."""

from string import Formatter

from generator.productions.models import Film
from generator.queries import latest_job_state
from twinvault.vaults.models import Vault


def films_of(vault: Vault):
    """Every film of a vault, newest first, with how its rendering stands."""
    return vault.films.select_related("twin__life_stage", "ordered_by").annotate(job_state=latest_job_state("render_film"))


def measures_of(film: Film) -> list[tuple[str, str]]:
    """What was measured on a film, in words; what could not be measured is left out."""
    rows = [
        ("Frames with the face, of the template's", "{frames_swapped} of {frames_with_face} ({frames} in all)"),
        ("Likeness: distance to the subject (under 0.6 is the same person)", "{swap_to_subject:.2f}"),
        ("Distance to the actor", "{swap_to_actor:.2f}"),
        ("Untouched picture round the face", "{background_psnr_db:.1f} dB"),
        ("Rendered", "{render_fps} frames a second"),
    ]
    measured = {name: value for name, value in film.measures.items() if value is not None}
    needed = {text: {field for _, field, _, _ in Formatter().parse(text) if field} for _, text in rows}
    return [(name, text.format(**measured)) for name, text in rows if needed[text] <= measured.keys()]
