"""Words for what pages say about faces."""

from django import template

from processing import queries
from processing.models import Face

register = template.Library()
register.filter("reason_label", queries.reason_label)


@register.filter
def why(face) -> str:
    """What became of a face, and for what reason."""
    if face.state == Face.State.REJECTED:
        return queries.reason_label(face.reason)
    return "kept" if face.state == Face.State.KEPT else "waiting"


@register.filter
def named(person, subject: str) -> str:
    """Who a person is, for readers who do not see the page."""
    names = {"subject": subject, "other": "Someone else", "unsure": "Somebody uncertain"}
    return names.get(person.who, f"{subject}?" if person.proposed else "Somebody")


@register.filter
def clock(seconds: float) -> str:
    """Seconds into a film as its player shows them: 0:07, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
