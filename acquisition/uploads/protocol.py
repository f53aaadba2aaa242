"""The words of tus 1.0 (tus.io/protocols/resumable-upload): what a request says in its headers, and what an answer says back."""

import base64
import binascii
import urllib.parse
from collections.abc import Callable, Iterator
from functools import wraps

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import reverse
from django.utils.http import http_date

from acquisition.models import Upload
from acquisition.uploads.errors import BadRequest, DiskFull, UploadRefused, says_full
from twinvault.vaults.services import NotAllowed

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
BODY_TYPE = "application/offset+octet-stream"
PIECE = 256 * 1024


def sentence(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def tus(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that speaks tus: checks who asks and in which version, and turns refusals into answers with one sentence.

    A sender is a program: it is told 401 where a person would be led to the page for signing in.
    """

    @wraps(view)
    def speaking(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        # only for POST, which has passed the CSRF check by now
        if request.method == "POST":
            request.method = request.headers.get("X-HTTP-Method-Override", "POST").upper()
        try:
            response = _answer(view, request, *args, **kwargs)
        except UploadRefused as error:
            response = sentence(error.status, str(error))
        except NotAllowed as error:
            response = sentence(403, str(error))
        except Http404:
            response = sentence(404, "This upload is not here: it was cancelled, or it belongs to somebody else.")
        except (OSError, DatabaseError) as error:
            if not says_full(error):
                raise
            response = sentence(DiskFull.status, str(DiskFull()))
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return speaking


def _answer(view: Callable[..., HttpResponse], request: HttpRequest, *args, **kwargs) -> HttpResponse:
    if not request.user.is_authenticated:
        return sentence(401, "You are signed out: sign in again, then the upload goes on where it was.")
    if request.method == "OPTIONS":
        return HttpResponse(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(settings.ENV.upload_limit),
            },
        )
    if request.headers.get("Tus-Resumable") != VERSION:
        answer = sentence(412, f"This server speaks version {VERSION} of tus.")
        answer["Tus-Version"] = VERSION
        return answer
    return view(request, *args, **kwargs)


def whole_number(request: HttpRequest, header: str) -> int:
    """The value of a header that counts bytes. BadRequest if it is missing or no such number."""
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise BadRequest(f"The header {header} must say a number of bytes.")
    return int(value)


def metadata(request: HttpRequest) -> dict[str, str]:
    """What `Upload-Metadata` says. BadRequest where it cannot be read."""
    found = {}
    for pair in filter(None, (pair.strip() for pair in request.headers.get("Upload-Metadata", "").split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise BadRequest(f"The header Upload-Metadata cannot be read at {key}.") from error
    return found


def body_of(request: HttpRequest) -> Iterator[bytes]:
    """The body, piece by piece as it arrives; it simply ends where the sender breaks off."""
    try:
        while piece := request.read(PIECE):
            yield piece
    except UnreadablePostError:
        return


def describe(upload: Upload) -> dict[str, str]:
    """The headers that say how an upload stands; for a whole one, TwinVault-Footage is the address of its page.

    Of a sidecar, TwinVault-Said tells in a percent-encoded sentence what became of it.
    """
    headers = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length)}
    if upload.footage_id:
        headers["TwinVault-Footage"] = reverse("footage", args=[upload.footage_id])
    elif upload.said:
        headers["TwinVault-Said"] = urllib.parse.quote(upload.said, safe=" ,:;'()/")
    else:
        headers["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    return headers
