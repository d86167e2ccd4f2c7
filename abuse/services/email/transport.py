"""How mails leave the house, one after the other: what each way of sending gives to whoever empties the outbox."""

from __future__ import annotations

import abc
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom and to whom a mail goes. `is_international`: one of its addresses is not in ASCII (RFC 6531)."""

    sender: str
    recipient: str
    is_international: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side said of a mail. `ends_session`: it takes no more now."""

    is_taken: bool
    text: str
    permanent: bool = False
    ends_session: bool = False


class Session(abc.ABC):
    """Mails given away one after the other. All methods raise OSError when there is no use in going on.

    The order of calls is what makes the fate of a mail known: until `give` has returned nothing can have been taken,
    after that only `answer` tells.
    """

    @abc.abstractmethod
    def offer(self, envelope: Envelope, mail: bytes) -> Reply | None:
        """Name sender and recipient; the refusal, or None when the mail is wanted."""

    @abc.abstractmethod
    def give(self, mail: bytes) -> None:
        """Give the text away.

        :raises OSError: when it cannot have been taken.
        """

    @abc.abstractmethod
    def answer(self) -> Reply:
        """What became of it.

        :raises OSError: when nobody knows.
        """

    @abc.abstractmethod
    def withdraw(self) -> None:
        """The offered mail is not to be sent after all.

        :raises OSError: when this ends the session.
        """

    @abc.abstractmethod
    def reset(self) -> None:
        """A mail was refused, the next one comes."""


class Transport(abc.ABC):
    """A way of sending.

    :param place: what is named in messages about it.
    :param seconds: from the moment at which a mail is given away to that at which its sender is taken for dead.
    """

    def __init__(self, place: str, seconds: float) -> None:
        self.place, self.seconds = place, seconds

    @abc.abstractmethod
    def session(self) -> AbstractContextManager[Session]:
        """A session.

        :raises OSError: when there is none to be had; that costs no mail an attempt.
        """
