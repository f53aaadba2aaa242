"""What Django's own checks of a deployment say of an installation, in a process of its own."""

from tests.installation import Installation

CHECK = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")


def test_nothing_is_left_to_warn_of_behind_a_proxy_that_speaks_tls(tmp_path):
    deployed = Installation(tmp_path, SECRET_KEY="k" * 25 + "abcdefghijklmnopqrstuvwxyz", BEHIND_TLS="1", HOSTS="box.example.org")
    done = deployed.run(*CHECK)

    assert done.returncode == 0, done.stderr


def test_without_tls_it_says_so(tmp_path):
    done = Installation(tmp_path).run(*CHECK)

    assert done.returncode == 1
    assert "SECURE_SSL_REDIRECT" in done.stderr and "SESSION_COOKIE_SECURE" in done.stderr
