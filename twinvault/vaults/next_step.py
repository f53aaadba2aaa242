"""What a vault's page says to do next."""

from dataclasses import dataclass

from twinvault.vaults.models import Role
from twinvault.vaults.queries import Overview


@dataclass(frozen=True)
class NextStep:
    """What to do next, plainly said; `page` is the name of an address that takes the vault's id, or empty where one waits."""

    sentence: str
    page: str = ""
    action: str = ""


def next_step(now: Overview) -> NextStep:
    """The first thing that is missing on the way from an empty vault to a film, for a reader in the role `now.vault.role`."""
    subject = now.vault.subject.name
    if now.vault.role < Role.CONTRIBUTOR:
        return _for_viewer(now, subject)
    if not now.consent:
        return _without_consent(now, subject)
    if now.vault.is_locked and not any(stage.ready_twins for stage in now.stages):
        return _sealed(now, subject)
    if not now.stages:
        return NextStep(
            "Add a stage of life: footage is kept by the time it was filmed in.", "life_stages", "Add a stage of life"
        )
    if not now.total("footage"):
        return NextStep(
            f"Upload videos and pictures that show {subject}. Half a minute of calm talking is a good beginning.",
            "upload",
            "Upload footage",
        )
    if now.vault.is_locked:
        return _with_faces(now, subject)
    if waiting := now.total("people_waiting"):
        groups = "one group of faces waits" if waiting == 1 else f"{waiting} groups of faces wait"
        return NextStep(f"Say who is who: {groups} to be named.", "people", "Say who is who")
    if now.looking:
        return NextStep("Your footage is being looked at. You may close this page; it goes on.", "jobs", "See how far it is")
    if not now.total("kept"):
        return NextStep(
            "No face that can be learned from was found yet. "
            f"Add footage that shows {subject} sharply, in good light and not too far away.",
            "upload",
            "Upload more footage",
        )
    return _with_faces(now, subject)


def _for_viewer(now: Overview, subject: str) -> NextStep:
    if any(film.state == "ready" for film in now.films):
        return NextStep("There are films to be watched.", "order", "Go to the films")
    return NextStep(f"There is no film of {subject} yet. Contributors and owners of the vault bring footage and order films.")


def _without_consent(now: Overview, subject: str) -> NextStep:
    if now.consent_waits_for == "board":
        return NextStep(f"The editorial board looks at the consent for {subject}. Until it has decided, everything rests.")
    if now.consent_waits_for == "voice" and now.vault.role >= Role.OWNER:
        return NextStep(f"{subject} is to say it in person, before a camera: then the consent is in force.", "consent", "Go on")
    if now.vault.role < Role.OWNER:
        return NextStep(
            f"The owner of this vault records the consent to learn {subject}'s face. Until then nothing is looked at."
        )
    return NextStep(
        f"Before anything is done with {subject}'s face, record the consent that allows it.", "consent", "Record a consent"
    )


def _sealed(now: Overview, subject: str) -> NextStep:
    if now.vault.role < Role.OWNER:
        return NextStep(f"The footage of {subject} is sealed. The owner of this vault unseals it before anything can be learned.")
    return NextStep(
        f"The footage of {subject} is sealed. Unseal the safe for a while to look at it and to learn from it.",
        "safe",
        "Go to the safe",
    )


def _with_faces(now: Overview, subject: str) -> NextStep:
    if any(film.state == "ordered" for film in now.films):
        return NextStep("A film is being made. You may close this page; it goes on.", "order", "Go to the films")
    if any(film.state == "held" for film in now.films) and now.vault.role >= Role.OWNER:
        return NextStep("A film does not look as it should and is held back: look at it, and decide.", "order", "Go to the films")
    if any(stage.ready_twins for stage in now.stages):
        if any(film.state == "ready" for film in now.films):
            return NextStep("Your film is ready to be watched. You can order another at any time.", "order", "Go to the films")
        return NextStep(f"{subject}'s face is learned. Order a first film with it.", "order", "Order a film")
    if any(stage.learning for stage in now.stages):
        return NextStep(
            f"{subject}'s face is being learned. Pictures of how it comes along appear as it goes.", "twins", "Watch it learn"
        )
    best = max(now.stages, key=lambda stage: stage.kept)
    return NextStep(
        f"{best.kept} good faces are kept for “{best.stage.name}”. Let the vault learn them: that makes a twin.",
        "twins",
        "Begin a twin",
    )
