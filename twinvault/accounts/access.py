"""Who may see a page that belongs to no vault."""

from functools import wraps
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponse


def require_board(user) -> None:
    """Http404 unless the person is an active member of the editorial board; a superuser is no exception."""
    if not user.is_authenticated or not user.is_active or not user.is_board_member:
        raise Http404


def to_sign_in(request) -> HttpResponse:
    """Sends somebody to sign in, and back to where they were going."""
    return redirect_to_login(request.get_full_path())


def signed_in(view):
    """A view for people with an account; anybody else signs in first and comes back.

    A piece of a page that htmx asks for (say, the progress of a job after the session has ended) must not be replaced by the
    sign-in form, so there the whole page goes to sign in. Whether a row exists is never looked up before this.
    """

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.headers.get("HX-Request"):
            page = urlsplit(request.headers.get("HX-Current-URL", "")).path
            return HttpResponse(headers={"HX-Redirect": redirect_to_login(page or "/").url})
        return to_sign_in(request)

    return guarded
