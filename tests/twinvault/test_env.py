"""What the environment says is read with its types, and what cannot be used is named."""

import pytest

from twinvault.env import WrongSetting, mail_server


def test_an_address_says_how_mail_goes_out():
    told = mail_server("smtp+tls://anna:p%40ss@mail.example.org")

    assert told["EMAIL_HOST"] == "mail.example.org" and told["EMAIL_PORT"] == 587
    assert (told["EMAIL_HOST_USER"], told["EMAIL_HOST_PASSWORD"]) == ("anna", "p@ss")
    assert told["EMAIL_USE_TLS"] and not told["EMAIL_USE_SSL"]
    assert mail_server("smtps://mail.example.org")["EMAIL_PORT"] == 465
    assert mail_server("file:///tmp/mails")["EMAIL_FILE_PATH"] == "/tmp/mails"
    assert "dummy" in mail_server("")["EMAIL_BACKEND"]


@pytest.mark.parametrize("address", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:many"])
def test_what_is_no_mail_server_is_named(address):
    with pytest.raises(WrongSetting, match="TWINVAULT_MAIL"):
        mail_server(address)
