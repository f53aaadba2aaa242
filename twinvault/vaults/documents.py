"""Documents of consents, handed out as files."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from twinvault.custody import objects
from twinvault.vaults.models import Consent
from twinvault.web.ranges import ranged_response

ENDINGS = {
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "video/mp4": "mp4",
    "video/webm": "webm",
}


def send_document(request: HttpRequest, consent: Consent) -> HttpResponse | StreamingHttpResponse:
    """As an attachment without a type, so that no browser opens in this site what somebody sent in."""
    document = consent.document
    name = f"consent-{consent.recorded_at:%Y-%m-%d}.{ENDINGS.get(document.content_type, 'bin')}"
    reader = objects.open_object(document)
    return ranged_response(request, reader, document.size, "application/octet-stream", filename=name, download=True)
