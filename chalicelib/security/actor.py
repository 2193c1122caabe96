"""Who is calling."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.security.tokens import Claims


class Account(Protocol):
    """What permissions and handlers ask of the account that a token acts for."""

    id: str
    username: str
    email: str
    password_hash: str
    is_regular_user: bool
    is_admin: bool
    is_internal: bool

    @property
    def has_confirmed_email(self) -> bool:
        """Whether the email address has proven to be this account's."""


@dataclass(frozen=True)
class Actor:
    """The caller: an active account, read from the table for this very request.

    :param scopes: what the token carries and its client still has.
    :param is_first_party: a person signed in, through a client that is one of the service's own today.
    """

    account: Account
    claims: Claims
    scopes: frozenset[str]
    is_first_party: bool

    @property
    def id(self) -> str:
        """The id of the account."""
        return self.account.id

    def has_scopes(self, scopes: frozenset[str]) -> bool:
        """Whether the token carries all of these scopes."""
        return scopes <= self.scopes
