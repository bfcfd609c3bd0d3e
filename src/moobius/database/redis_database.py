"""The engine that keeps containers in Redis: one hash a container."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import islice
from typing import Any, ClassVar

from loguru import logger

from moobius.config_entries import (
    ANYTHING,
    PLACE,
    SECONDS,
    SWITCH,
    TEXT,
    or_nothing,
)
from moobius.database.database_interface import DatabaseInterface, Silence, Watch, require_text
from moobius.database.editing import changed_elsewhere
from moobius.database.key_bytes import foreign_bytes, to_bytes, to_text
from moobius.database.records import decode_record, encode_record
from moobius.database.redis_address import address_from
from moobius.database.redis_client import OUT_OF_REACH, REDIS_ERRORS, RedisLink, link_to
from moobius.database.redis_watch import RedisWatch
from moobius.errors import BrokenRecord, EditConflict, StorageError

autosave = False
"""Whether the server shall write its whole database to its disk after each write."""

_PREFIX = b"moobius:"
_AT_ONCE = 1000  # records of one request
_NO_CHANNEL = "; let the account publish to moobius:*, or set announce to false"

# What is published: who wrote, and the field.
_MESSAGE = re.compile(rb"([0-9a-f]{16}-[0-9]+) (.*)", re.DOTALL)

# Publishing and writing are one step, so that whoever hears of a change finds it made. A script,
# unlike MULTI, does that in a cluster as well.
_SET_AND_TELL = """
redis.call('PUBLISH', ARGV[1], ARGV[2])
return redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
"""
_DELETE_AND_TELL = """
redis.call('PUBLISH', ARGV[1], ARGV[2])
return redis.call('HDEL', KEYS[1], ARGV[3])
"""


_EXCHANGE_AND_TELL = """
if redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[5] then return 0 end
if ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
return 1
"""


class RedisDatabase(DatabaseInterface):
    """One hash a container, one field a key, values as typed JSON text.

    A server that cannot be reached, or refuses, is a `StorageError` that names it: what raised is
    not known to be stored. Records that have the JSON of older versions are read.
    """

    known_settings: ClassVar = {
        **dict.fromkeys(("host", "url", "username"), or_nothing(TEXT)),
        **dict.fromkeys(("ca_file", "cert_file", "key_file"), or_nothing(PLACE)),
        **dict.fromkeys(("port", "db", "password", "sentinel_password"), ANYTHING),
        **{"timeout": or_nothing(SECONDS), "tls": or_nothing(SWITCH), "announce": SWITCH},
    }
    may_wait = True

    def __init__(
        self,
        domain: str = "",
        host: str = "localhost",
        port: int = 6379,
        db: int | None = None,
        password: str = "",
        *,
        announce: bool = True,
        **kwargs: Any,
    ) -> None:
        """Remember where the store is; the first use connects.

        Args:
            domain: Keeps the keys of different containers apart.
            host: The server.
            port: Its port.
            db: The number of the database, 0 if not given.
            password: Its password, if it wants one.
            announce: Publish the key of each write, for those who `watch`. An account that may
                not publish must set this to false.
            kwargs: `url` instead of host and port, and `username`, `sentinel_password`, `tls`,
                `ca_file`, `cert_file`, `key_file` and `timeout`, as `redis_address` has them.
                Settings of other engines are ignored.

        Raises:
            ConfigError: If the settings name no place.
        """
        super().__init__(domain)
        given = {"host": host, "port": port, "db": db, "password": password}
        self._address = address_from({**kwargs, **given})
        self._announce = announce
        self._name = _PREFIX + to_bytes(domain)
        # Channels, unlike hashes, are the same in all databases of a server.
        self._channel = b"%b@%d" % (self._name, self._address.db)
        self._token = secrets.token_bytes(8).hex()

    @cached_property
    def _link(self) -> RedisLink:
        return link_to(self._address)

    @property
    def redis(self) -> Any:
        """The client of the `redis` library, which all containers of a server share."""
        return self._link.client

    @property
    def waits_for(self) -> Hashable:  # type: ignore[override] # is read, and nothing more
        """The server, of which there may be several."""
        return self._address

    @property
    def silence(self) -> Silence | None:  # type: ignore[override] # is read, and nothing more
        """When the server was last found out of reach, by any container."""
        return self._link.silence

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return `(True, value)`, or `(False, reason)` if there is no such key.

        Raises:
            BrokenRecord: If the record is there and holds no value.
            StorageError: If the server cannot be asked.
        """
        return self.get_to_edit(key)[:2]

    def get_to_edit(self, key: str) -> tuple[bool, Any, Any]:
        """Return what `get_value` does, and the record itself for `prepare_exchange`."""
        with self._asking(f"the record {key!r} cannot be read"):
            raw = self.redis.hget(self._name, self._field(key))
        if raw is None:
            return False, f"no record {key!r} in {self._place}", None
        return True, decode_record(key, raw, self._place), raw

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Store a value; return `(True, key)`.

        Raises:
            UnstorableError: If the value is of a type that could not be restored.
            StorageError: If the server did not say that it has it.
        """
        return self.prepare_value(key, value)()

    def prepare_value(self, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
        """Return the call that stores a value as it is now; see `DatabaseInterface`."""
        return partial(self._store, require_text(key), encode_record(key, value).encode())

    def _store(self, key: str, text: bytes) -> tuple[bool, str]:
        with self._asking(f"whether the record {key!r} is stored is not known"):
            field = self._field(key)
            if self._announce:
                self._run(_SET_AND_TELL, field, text)
            else:
                self.redis.hset(self._name, field, text)
            self._save()
        return True, key

    def prepare_exchange(self, key: str, value: Any, mark: bytes) -> Callable[[], tuple[bool, str]]:
        """Return the call that stores a value if the record is what `get_to_edit` gave.

        Otherwise the call raises `EditConflict`.
        """
        return partial(self._exchange, require_text(key), encode_record(key, value).encode(), mark)

    def _exchange(self, key: str, text: bytes, old: bytes) -> tuple[bool, str]:
        with self._asking(f"whether the record {key!r} is stored is not known"):
            stored = self._run(_EXCHANGE_AND_TELL, self._field(key), text, old)
            self._save()
        if not stored:
            raise EditConflict(f"{self._place}: {changed_elsewhere(key)}")
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Delete a key's record; return `(True, key)` or `(False, reason)` if there is none.

        Raises:
            StorageError: If the server did not answer.
        """
        with self._asking(f"whether the record {key!r} is deleted is not known"):
            field = self._field(key)
            if self._announce:
                deleted = self._run(_DELETE_AND_TELL, field)
            else:
                deleted = self.redis.hdel(self._name, field)
            self._save()
        return (True, key) if deleted else (False, f"no record {key!r} in {self._place}")

    def all_keys(self) -> Iterable[str]:
        """Return every key that is stored."""
        with self._asking("its keys cannot be read"):
            return [to_text(field) for field in self.redis.hkeys(self._name)]

    def get_many(self, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Yield the keys that are stored, each with its value or its `BrokenRecord`."""
        for field, raw in self._records(keys):
            key = to_text(field)
            try:
                yield key, decode_record(key, raw, self._place)
            except BrokenRecord as error:
                yield key, error

    def watch(self) -> Watch:
        """Tell of what others write and delete through this engine; see `DatabaseInterface`.

        Others are all engines but this one. Who writes with another program, or with
        `announce: false`, is not heard of.
        """
        return RedisWatch(self._address, self._channel, self._key_of_another)

    def close(self) -> None:
        """Stop using the connections, which are closed when no container uses them any more."""
        self.__dict__.pop("_link", None)

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return every domain that has records in the database."""
        database = cls(**{**settings, "domain": ""})
        try:
            with database._asking("its containers cannot be listed"):
                names = set(database.redis.scan_iter(_PREFIX + b"*", _AT_ONCE, _type="hash"))
        finally:
            database.close()
        return sorted(to_text(name.removeprefix(_PREFIX)) for name in names)

    def __str__(self) -> str:
        return f"moobius.RedisDatabase({self._place})"

    # A spawned process gets the same store and its own connections, and is told of our changes.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_link"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._token = secrets.token_bytes(8).hex()

    @property
    def _place(self) -> str:
        store = f"redis at {self._address}"
        return f"{self.domain!r} of {store}" if self.domain else store  # not opened for a container

    @property
    def _origin(self) -> bytes:
        """The name of the publisher: this engine, or its copy in a forked process."""
        return f"{self._token}-{os.getpid()}".encode()

    def _key_of_another(self, message: bytes) -> str | None:
        announced = _MESSAGE.fullmatch(message)
        if announced is None:
            logger.warning("Passed over what is no key, in the channel of {}", self._place)
            return None
        origin, field = announced.groups()
        return None if origin == self._origin else to_text(field)

    def _field(self, key: str) -> bytes:
        """Return the field of a key; another program may have written one that is no UTF-8."""
        foreign = foreign_bytes(require_text(key))
        if foreign and self.redis.hexists(self._name, foreign):
            return foreign
        return to_bytes(key)

    def _run(self, script: str, field: bytes, *more: bytes) -> Any:
        message = b"%b %b" % (self._origin, field)
        channel = self._channel if self._announce else b""
        return self.redis.eval(script, 1, self._name, channel, message, field, *more)

    def _save(self) -> None:
        if autosave:
            self.redis.save()

    def _records(self, keys: Iterable[str] | None) -> Iterator[tuple[bytes, bytes]]:
        """Yield what is stored, in requests that are large but do not block the server for long."""
        with self._asking("its records cannot be read"):
            if keys is None:
                # While others write, a scan may give a record twice: then the newer one last.
                yield from self.redis.hscan_iter(self._name, count=_AT_ONCE)
                return
            fields = map(self._field, keys)
            while some := list(islice(fields, _AT_ONCE)):
                for field, raw in zip(some, self.redis.hmget(self._name, some), strict=True):
                    if raw is not None:
                        yield field, raw

    @contextmanager
    def _asking(self, trouble: str) -> Iterator[None]:
        try:
            yield
        except REDIS_ERRORS as error:
            if isinstance(error, OUT_OF_REACH):
                reason = f"redis at {self._address} was out of reach: {error}"
                self._link.silence = Silence(time.monotonic(), reason)
            # Without its cause: the library's frames hold the password, and some logs show frames.
            hint = _NO_CHANNEL if "channel" in str(error) else ""
            raise StorageError(f"{self._place}: {trouble}: {error}{hint}") from None
