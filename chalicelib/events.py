"""Events: what happens is announced once, and listeners add to the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

EventName = Literal[
    "account_disabling",
    "account_enabling",
    "account_erasure",
    "authorization",
    "client_authentication",
    "client_change",
    "client_creation",
    "client_deletion",
    "client_secret_rotation",
    "code_reuse",
    "consent_withdrawal",
    "email_change",
    "email_change_request",
    "email_verification",
    "introspection",
    "invitation",
    "invitation_decline",
    "invitation_withdrawal",
    "letter_delivery",
    "member_addition",
    "member_removal",
    "password_change",
    "password_confirmation",
    "password_reset_request",
    "refresh_token_reuse",
    "role_change",
    "session_ending",
    "sign_in",
    "sign_up_with_taken_email",
    "team_change",
    "team_creation",
    "team_deletion",
    "token_revocation",
    "user_creation",
]
Reason = Literal[
    "account is disabled",
    "public client",
    "unknown client",
    "unknown user",
    "wrong password",
    "wrong secret",
]
Outcome = Literal["success", "failure"]
Detail = str | bool | list[str]
EVENTS: tuple[str, ...] = get_args(EventName)
REASONS: tuple[str, ...] = get_args(Reason)
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a letter about an event needs to know beyond it; the audit trail takes none of it.

    :param to: the address; by default the one that the account has when the letter is sent.
    :param link: id of the link that it holds; what opens the link is derived from it by then.
    """

    to: str | None = None
    link: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, or was tried and failed.

    :param actor_id: the account that did it, where no access token tells.
    :param client_id: the OAuth2 client through which it came, if no access token says so.
    :param details: what else an admin needs to know: ids, names of fields, roles. Never a secret, and no text
        of a caller: people type passwords into the wrong field.
    """

    name: EventName
    user_id: str | None = None
    actor_id: str | None = None
    client_id: str | None = None
    outcome: Outcome = "success"
    details: Mapping[str, Detail] = field(default_factory=dict)
    letter: Letter | None = None
