"""The store as a command opens it, beside the running gateway or without it."""

import os
import pwd
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from parloir.config.schema import Gateway
from parloir.store import database, schema
from parloir.store.anchor import Anchor
from parloir.store.errors import Unreachable, Unreadable


@dataclass(frozen=True)
class Store:
    """A store that a command works on; every act of it that is audited has `actor`."""

    engine: Engine
    anchor: Anchor
    actor: str

    def transaction(self) -> AbstractContextManager[Connection]:
        """One transaction that commits at its end; the gateway's writes wait for it, so be brief."""
        return database.transaction(self.engine, self.anchor)

    def reading(self) -> AbstractContextManager[Connection]:
        """One transaction that only reads; nobody waits for it."""
        return database.reading(self.engine)


@contextmanager
def bare(gateway: Gateway) -> Iterator[Store]:
    """The configured store as it is, whatever its schema. Raises Unreachable, Unreadable and what `connect` raises."""
    engine = database.connect(gateway.database or gateway.data_dir)
    try:
        yield Store(engine, Anchor.within(gateway.data_dir), f"cli:{_account()}")
    except OperationalError as error:
        raise Unreachable(schema.name(engine), str(error.orig)) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        raise Unreadable(schema.name(engine), str(error.orig)) from error
    finally:
        engine.dispose()


@contextmanager
def opened(gateway: Gateway) -> Iterator[Store]:
    """The configured store, made if it is not there. Raises OldSchema and NewSchema too."""
    with bare(gateway) as store:
        schema.prepare(store.engine)
        yield store


def _account() -> str:
    """Who runs the command, by the system's account."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
