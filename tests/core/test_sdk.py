"""The object itself; its parts are tested in files of their own."""

from __future__ import annotations

from moobius import Moobius


def test_the_constructor_needs_no_event_loop_and_hides_the_password() -> None:
    service = Moobius(account_config={"email": "a@b", "password": "sesame-open"})
    assert "sesame-open" not in f"{service} {service!r} {service.config} {service.settings!r}"
    assert service.channels == {}
    assert service.client_id is None
    assert not hasattr(service, "whatever")


def test_a_missing_account_is_told_at_construction(log: list[str]) -> None:
    Moobius(service_config={"http_server_uri": "https://api.example.org"})
    assert any(line.startswith("ERROR no email or no password") for line in log)
    log.clear()
    Moobius()  # the local Platform needs none
    assert log == []
