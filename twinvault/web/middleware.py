"""What holds for every response."""

import logging

from django.http import HttpResponse
from django.shortcuts import render

from twinvault.custody.archive import ObjectSealed
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.stream import StreamDamaged

log = logging.getLogger(__name__)


class PrivatePages:
    """No page may be kept by a proxy or a shared browser, load anything from elsewhere, or run a script written into it."""

    POLICY = (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "private, no-store")
        # the admin's own pages carry inline scripts; it is for the board and the operator only
        if not request.path.startswith("/admin/"):
            response.headers.setdefault("Content-Security-Policy", self.POLICY)
        return response


class UnopenedObjects:
    """What a person is told where a stored object does not open: sealed, damaged, or without its key. The log has the cause."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error: Exception) -> HttpResponse | None:
        if isinstance(error, ObjectSealed):
            return render(request, "423.html", {"sentence": str(error)}, status=423)
        if isinstance(error, StreamDamaged):
            sentence = "A file in the safe is damaged: it is not what was put in, and was not used."
        elif isinstance(error, KeyUnavailable):
            sentence = "The key of a file in the safe is not at hand."
        elif isinstance(error, FileNotFoundError):
            sentence = "A file of the safe is missing."
        else:
            return None
        log.error("%s could not be opened for %s: %s", request.path, request.user, error)
        return render(request, "damaged.html", {"sentence": sentence}, status=500)
