"""Mail to people, where this house can send any."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail

log = logging.getLogger(__name__)


def can_mail() -> bool:
    """Whether the operator has said by which server mail goes out."""
    return settings.MAIL_GOES_OUT


def mail(to: str, subject: str, words: str) -> bool:
    """Sends one mail of plain words; False, with the cause in the log, where the server does not take it."""
    try:
        send_mail(subject, words, None, [to])
    except (OSError, SMTPException) as error:
        log.error("a mail could not be sent: %s", error)
        return False
    return True
