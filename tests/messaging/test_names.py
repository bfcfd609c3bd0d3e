"""Every name of seed 004 and of section 2, where it is looked for, with the signature it has."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

import moobius.messaging as messaging
from moobius.messaging import client_core, server

# Name -> parameters that are not keyword-only, with their defaults.
FUNCTIONS = {
    "get_ip_address": "",
    "set_keepalive": "sock, after_idle_sec=1, interval_sec=3, max_fails=5",
    "message_callback": "action_string",
    "request_callback": "string_command",
}
METHODS: dict[tuple[Any, str], str] = {
    (messaging.MessageManager, "__init__"): "self",
    (messaging.MessageManager, "process_message"): "self",
    (messaging.MessageManager, "create_message"): (
        "content_bytes, content_type, message_type, content_encoding='utf-8', "
        "additional_headers=None"
    ),
    (messaging.MessageManager, "create_json_message"): "contents, additional_headers=None",
    (messaging.MessageManager, "create_action_message"): "action, args=(), kwargs=None",
    (messaging.MessageManager, "create_request"): (
        "requested_value, request_id, args=(), kwargs=None"
    ),
    (messaging.MessageManager, "create_response"): (
        "requested_value, request_id, value, filetransfer=False"
    ),
    (messaging.ConnectionManager, "__init__"): "self, whoami='computer'",
    (messaging.ConnectionManager, "connect"): "self, client_selector, client_socket, client_addr",
    (messaging.ConnectionManager, "close"): "self",
    (messaging.ConnectionManager, "process_events"): "self, mask",
    (messaging.ConnectionManager, "get_response"): (
        "self, requested_value, callback, request_args=(), request_kwargs=None, "
        "callback_args=(), callback_kwargs=None"
    ),
    (messaging.ConnectionManager, "get_file"): (
        "self, client_filepath, filepath=None, callback=None, callback_args=(), "
        "callback_kwargs=None"
    ),
    (messaging.ConnectionManager, "send_message"): "self, action, args=(), kwargs=None",
    (messaging.ConnectionManager, "send_file"): "self, filepath, dest_filepath",
    (messaging.ConnectionManager, "read"): "self",
    (messaging.ConnectionManager, "write"): "self",
    (messaging.ConnectionManager, "process_received"): "self, message",
    (messaging.ConnectionManager, "_send"): "self, data",
    (messaging.ConnectionManager, "_close"): "self",
    (messaging.NotifierSock, "init"): "self, selector, port=26000",
    (messaging.NotifierSock, "get_sock"): "self",
    (messaging.NotifierSock, "notify"): "self",
    (messaging.NotifierSock, "process_events"): "self, mask",
    (messaging.NotifierSock, "close"): "self",
    (messaging.Client, "load_config"): "self",
    (messaging.Client, "get_ntp_time"): "ntp_host, ntp_port",
    (messaging.Client, "time_now"): "self",
    (messaging.Client, "start"): "self",
    (messaging.Client, "on_broadcast_bind"): "self",
    (messaging.Client, "broadcast_bind"): "self, timeout=2.0, attempt_limit=3",
    (messaging.ConfigManager, "__init__"): "self, config=None",
    (messaging.ConfigManager, "get"): "self, section, option",
    (messaging.ConfigManager, "set"): "self, section, option, value, write=False",
    (messaging.ConfigManager, "get_chain"): "self, *keys",
    (messaging.ConfigManager, "set_chain"): "self, value, *keys",
    (messaging.ConfigManager, "write"): "self",
    (messaging.ConfigManager, "set_config"): "self, config",
    (messaging.ConfigManager, "validate_config"): "self, config=None, copy_defaults=False",
    (messaging.ConfigManager, "full_dict"): "self, include_defaults=False",
    (messaging.ConfigManager, "config_exists"): "path",
    (messaging.ConfigManager, "load_from_file"): "self, path",
    (messaging.ConfigManager, "load_config_and_spec"): "self, path",
    (messaging.ConfigManager, "load_only_config"): "self, path",
    (messaging.ConfigManager, "load_only_spec"): "self, path, generate_filename=True",
    (messaging.ConfigManager, "generate_default_config"): "cfg_path",
    (messaging.ConfigManager, "load_from_dict"): "self, d, configspec=None",
    (messaging.ConfigManager, "merge"): "self, config, validate=True",
    (messaging.Server, "load_config"): "self",
    (messaging.Server, "start"): "self",
    (messaging.Server, "stop"): "self",
    (messaging.Server, "terminate"): "self, reason='Terminated'",
    (messaging.Server, "get_ntp_time"): "ntp_host, ntp_port",
    (messaging.Server, "time_now"): "self",
    (messaging.Server, "send_starttime"): "self, copter, start_time",
    (server.Client, "__init__"): "self, ip",
    (server.Client, "get_by_id"): "copter_id",
    (server.Client, "close"): "self, inner=False",
    (server.Client, "remove"): "self",
    (server.Client, "broadcast"): "message, force_all=False",
    (server.Client, "broadcast_message"): "command, args=(), kwargs=None, force_all=False",
}


def signature_of(function: Any) -> str:
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    return str(inspect.Signature(parameters))[1:-1]


@pytest.mark.parametrize(("name", "signature"), FUNCTIONS.items())
def test_functions(name: str, signature: str) -> None:
    assert signature_of(getattr(messaging, name)) == signature


@pytest.mark.parametrize(
    ("home", "signature"), METHODS.items(), ids=lambda v: v[1] if isinstance(v, tuple) else ""
)
def test_methods(home: tuple[Any, str], signature: str) -> None:
    assert signature_of(getattr(*home)) == signature


def test_where_no_path_is_given_it_is_in_the_working_directory() -> None:
    for kind, name in ((messaging.Client, "client"), (messaging.Server, "server")):
        default = inspect.signature(kind.__init__).parameters["config_path"].default
        assert default.as_posix() == f"config/{name}.ini"


def test_the_other_names_are_there() -> None:
    for name in ("Namespace", "PendingRequest", "Singleton"):
        assert inspect.isclass(getattr(messaging, name))
    assert issubclass(messaging.PendingRequest, messaging.Namespace)
    assert issubclass(messaging.Server, messaging.Singleton)
    assert issubclass(messaging.NotifierSock, messaging.Singleton)
    assert issubclass(server.Client, messaging.ConnectionManager)
    assert server.Server is messaging.Server


def test_a_client_is_the_seed_s_and_the_server_s_is_in_its_module() -> None:
    assert messaging.Client is client_core.Client
    assert messaging.client_core is client_core
    assert messaging.server is server
    assert not issubclass(server.Client, messaging.Client)


def test_every_name_of_the_front_door_leads_somewhere() -> None:
    assert sorted(messaging.__all__) == list(messaging.__all__)
    assert set(messaging.__all__) <= set(dir(messaging))
    for name in messaging.__all__:
        assert getattr(messaging, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        importlib.import_module("moobius.messaging").nothing  # noqa: B018


def test_the_import_is_light() -> None:
    heavy = "{'configobj', 'asyncio', 'ssl', 'selectors', 'aiohttp'}"
    program = f"import sys, moobius.messaging; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30
    )
    assert ran.stdout == "[]\n"
