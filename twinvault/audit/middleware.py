"""Says from which address a request came, for the record."""

from ipaddress import ip_address

from django.conf import settings

from twinvault.audit.origin import acting_from


class FromWhere:
    """What is recorded while a request is answered comes from "web <address of the client>"."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with acting_from(f"web {client_address(request)}".strip()):
            return self.get_response(request)


def client_address(request) -> str:
    """The address of whoever sent the request; "" where the server does not know it (a UNIX socket).

    Only our own proxy is believed, and of its X-Forwarded-For only what it appended itself, the last: the rest came from outside.
    """
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    if settings.ENV.behind_tls and _is_address(forwarded):
        return forwarded
    return request.META.get("REMOTE_ADDR", "")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
