"""The engine that keeps containers in Redis: one hash a container."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

from moobius.database.database_interface import DatabaseInterface, Watch, require_text
from moobius.database.records import decode_record, encode_record
from moobius.database.redis_address import address_from
from moobius.database.redis_client import REDIS_ERRORS, connect
from moobius.database.redis_watch import RedisWatch
from moobius.errors import BrokenRecord, StorageError

autosave = False
"""Whether the server shall write its whole database to its disk after each write."""

_PREFIX = b"moobius:"
_AT_ONCE = 1000  # records of one request
_NO_CHANNEL = "; let the account publish to moobius:*, or set announce to false"

# One step for everybody else: who hears of a change finds it made. Scripts, unlike MULTI, are the
# same in a cluster.
_SET_AND_TELL = """
redis.call('PUBLISH', ARGV[1], ARGV[2])
return redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
"""
_DELETE_AND_TELL = """
redis.call('PUBLISH', ARGV[1], ARGV[2])
return redis.call('HDEL', KEYS[1], ARGV[3])
"""


class RedisDatabase(DatabaseInterface):
    """One hash a container, one field a key, values as typed JSON text.

    A server that cannot be reached, or refuses, is a `StorageError` that names it: what raised is
    not known to be stored. Records of older versions are read.
    """

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
        self._name = _PREFIX + _to_bytes(domain)
        # Channels, unlike hashes, are the same in all databases of a server.
        self._channel = b"%b@%d" % (self._name, self._address.db)
        self._token = secrets.token_bytes(8).hex()

    @cached_property
    def redis(self) -> Any:
        """The client of the `redis` library."""
        return connect(self._address)

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return `(True, value)`, or `(False, reason)` if there is no such key.

        Raises:
            BrokenRecord: If the record is there and holds no value.
            StorageError: If the server cannot be asked.
        """
        field = _to_bytes(require_text(key))
        with self._asking(f"the record {key!r} cannot be read"):
            raw = self.redis.hget(self._name, field)
        if raw is None:
            return False, f"no record {key!r} in {self._place}"
        return True, decode_record(key, raw, self._place)

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Store a value; return `(True, key)`.

        Raises:
            UnstorableError: If the value is of a type that could not be restored.
            StorageError: If the server did not say that it has it.
        """
        field = _to_bytes(require_text(key))
        text = encode_record(key, value).encode()
        with self._asking(f"whether the record {key!r} is stored is not known"):
            if self._announce:
                self._run(_SET_AND_TELL, field, text)
            else:
                self.redis.hset(self._name, field, text)
            self._save()
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Delete a key's record; return `(True, key)` or `(False, reason)` if there is none.

        Raises:
            StorageError: If the server did not answer.
        """
        field = _to_bytes(require_text(key))
        with self._asking(f"whether the record {key!r} is deleted is not known"):
            if self._announce:
                deleted = self._run(_DELETE_AND_TELL, field)
            else:
                deleted = self.redis.hdel(self._name, field)
            self._save()
        return (True, key) if deleted else (False, f"no record {key!r} in {self._place}")

    def all_keys(self) -> Iterable[str]:
        """Return every key that is stored."""
        with self._asking("its keys cannot be read"):
            return [_to_text(field) for field in self.redis.hkeys(self._name)]

    def get_many(self, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Yield the keys that are stored, each with its value or its `BrokenRecord`."""
        for field, raw in self._records(keys):
            key = _to_text(field)
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
        """Close the connections; whoever uses the engine again opens them again."""
        if client := self.__dict__.pop("redis", None):
            client.close()

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return every domain that has records in the database."""
        database = cls(**{**settings, "domain": ""})
        try:
            with database._asking("its containers cannot be listed"):
                names = set(database.redis.scan_iter(_PREFIX + b"*", _AT_ONCE, _type="hash"))
        finally:
            database.close()
        return sorted(_to_text(name.removeprefix(_PREFIX)) for name in names)

    def __str__(self) -> str:
        return f"moobius.RedisDatabase({self._place})"

    # A spawned process gets the same store, connections of its own, and hears of this one.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "redis"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._token = secrets.token_bytes(8).hex()

    @property
    def _place(self) -> str:
        return f"{self.domain!r} of redis at {self._address}"

    @property
    def _origin(self) -> bytes:
        """Who announces: this engine, and in a forked process another one."""
        return f"{self._token}-{os.getpid()}".encode()

    def _key_of_another(self, message: bytes) -> str | None:
        origin, _, field = message.partition(b" ")
        return None if origin == self._origin else _to_text(field)

    def _run(self, script: str, field: bytes, *more: bytes) -> Any:
        message = b"%b %b" % (self._origin, field)
        return self.redis.eval(script, 1, self._name, self._channel, message, field, *more)

    def _save(self) -> None:
        if autosave:
            self.redis.save()

    def _records(self, keys: Iterable[str] | None) -> Iterator[tuple[bytes, bytes]]:
        """Yield what is stored, asking for many at once and never for so many that others wait."""
        with self._asking("its records cannot be read"):
            if keys is None:
                # While others write, a scan may give a record twice: then the newer one last.
                yield from self.redis.hscan_iter(self._name, count=_AT_ONCE)
                return
            fields = map(_to_bytes, map(require_text, keys))
            while some := list(islice(fields, _AT_ONCE)):
                for field, raw in zip(some, self.redis.hmget(self._name, some), strict=True):
                    if raw is not None:
                        yield field, raw

    @contextmanager
    def _asking(self, trouble: str) -> Iterator[None]:
        try:
            yield
        except REDIS_ERRORS as error:
            # Without its cause: the library's frames hold the password, and some logs show frames.
            hint = _NO_CHANNEL if "channel" in str(error) else ""
            raise StorageError(f"{self._place}: {trouble}: {error}{hint}") from None


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _to_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
