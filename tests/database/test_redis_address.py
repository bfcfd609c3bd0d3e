"""Where a Redis is, from settings and URLs."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.database.redis_address import CLUSTER, SENTINEL, UNIX, RedisAddress, address_from
from moobius.errors import ConfigError

SERVER = RedisAddress(nodes=(("localhost", 6379),))


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, SERVER),
        ({"db": None, "password": "", "root_dir": "ignored"}, SERVER),
        (
            {"host": "h", "port": "6380", "db": "2", "username": "u", "password": "p"},
            RedisAddress(nodes=(("h", 6380),), db=2, username="u", password="p"),
        ),
        (
            {"tls": True, "ca_file": "ca", "cert_file": "c", "key_file": "k", "timeout": 1},
            RedisAddress(
                nodes=(("localhost", 6379),),
                tls=True,
                ca_file="ca",
                cert_file="c",
                key_file="k",
                timeout=1.0,
            ),
        ),
        ({"url": "redis://"}, SERVER),
        ({"url": "redis://h"}, RedisAddress(nodes=(("h", 6379),))),
        ({"url": "REDIS://h:1/3"}, RedisAddress(nodes=(("h", 1),), db=3)),
        ({"url": "redis://h:1/", "db": 4}, RedisAddress(nodes=(("h", 1),), db=4)),
        ({"url": "redis://h?db=5"}, RedisAddress(nodes=(("h", 6379),), db=5)),
        ({"url": "redis://[::1]:7"}, RedisAddress(nodes=(("::1", 7),))),
        ({"url": "redis://[::1]"}, RedisAddress(nodes=(("::1", 6379),))),
        (
            {"url": "rediss://ada:p%40s%2Fs@h", "port": 99},
            RedisAddress(nodes=(("h", 6379),), username="ada", password="p@s/s", tls=True),
        ),
        (
            {"url": "redis://:a@b:c@h", "password": "not this one"},
            RedisAddress(nodes=(("h", 6379),), password="a@b:c"),
        ),
        (
            {"url": "redis://:hunt?er2@h:1?db=2"},
            RedisAddress(nodes=(("h", 1),), db=2, password="hunt?er2"),
        ),
        (
            {"url": "redis://h", "password": "beside the url"},
            RedisAddress(nodes=(("h", 6379),), password="beside the url"),
        ),
        (
            {"url": "unix://:p@/run/redis.sock?db=1"},
            RedisAddress(UNIX, path="/run/redis.sock", db=1, password="p"),
        ),
        (
            {"url": "redis+sentinel://:p@a,b:2/mymaster/3", "sentinel_password": "s"},
            RedisAddress(
                SENTINEL,
                (("a", 26379), ("b", 2)),
                master="mymaster",
                db=3,
                password="p",
                sentinel_password="s",
            ),
        ),
        (
            {"url": "rediss+cluster://a:1,b:2"},
            RedisAddress(CLUSTER, (("a", 1), ("b", 2)), tls=True),
        ),
    ],
)
def test_settings_mean_an_address(settings: dict[str, Any], address: RedisAddress) -> None:
    assert address_from(settings) == address


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "http://:hunter2@h"}, "begins with none of redis://, rediss://, unix://, "),
        ({"url": ":hunter2@localhost"}, "begins with none of"),
        ({"url": "redis://:hunter2@h:port"}, r"'redis://\*{4}@h:port'.* is wrong: the port is n"),
        ({"url": "redis://:hunter2@h/name"}, "is wrong: the number of the database is not a num"),
        ({"url": "redis://:hunter2@h?db=x"}, "is wrong: the number of the database is not a num"),
        ({"url": "redis://:hunter2"}, "a host is missing"),
        ({"url": "redis://ada:hunter2"}, "the port is not a number"),
        ({"url": "redis://localhost/hunter2"}, "the number of the database is not a number"),
        ({"url": "redis://:hunter2@:1"}, "a host is missing"),
        ({"url": "redis://:hunt?er2@:1"}, "a host is missing"),
        ({"url": "unix://relative"}, "begins with /"),
        ({"url": "redis+sentinel://:hunter2@h"}, "name of the master"),
        ({"url": "redis+cluster://h/1"}, "the cluster h:6379 has only database 0, and db is 1"),
        ({"port": "many"}, "port of a redis container is 'many'; it is a number"),
        ({"db": [1], "password": "hunter2"}, "db of a redis container"),
    ],
)
@pytest.mark.defect("D8")
def test_what_means_none_is_an_error_without_the_password(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        address_from(settings)
    assert "hunter2" not in str(caught.value)
    assert "er2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:hunter2@h:1/2", "h:1"),
        ("unix://:hunter2@/run/r.sock", "/run/r.sock"),
        ("redis+sentinel://:hunter2@a,b/m", "m of the sentinels a:26379,b:26379"),
        ("redis+cluster://:hunter2@a,b", "the cluster a:6379,b:6379"),
    ],
)
def test_an_address_is_shown_without_passwords(url: str, shown: str) -> None:
    address = address_from({"url": url, "sentinel_password": "hunter2"})
    assert address.password == "hunter2"
    assert str(address) == shown
    assert "hunter2" not in repr(address)
