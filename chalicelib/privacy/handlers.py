"""Your right to what is stored about you: a copy of it, and its erasure."""

from chalicelib.db import keys
from chalicelib.errors import ConflictError, TooManyRequestsError
from chalicelib.privacy import actions, export
from chalicelib.privacy.kinds import person_of
from chalicelib.privacy.schemas import ErasureSchema, ExportEntrySchema, ExportQuery
from chalicelib.rate_limit import rate_limit
from chalicelib.scopes import AUTH_READ, TEAMS_READ, USERS_READ, USERS_WRITE
from chalicelib.users.actions import confirm_password
from chalicelib.users.permissions import PATCHER, USER, failures
from chalicelib.web.access import ACTIVE_USER, Access
from chalicelib.web.call import Call
from chalicelib.web.operation import Docs, Gives, Operation, Reply, Takes
from chalicelib.web.pagination import open_cursor, page_of


@Operation(
    access=Access(PATCHER, scopes=USERS_WRITE, reads=(USER,), also_reads=failures),
    takes=Takes(body=ErasureSchema, target=USER),
    gives=Gives(status=204),
    docs=Docs(problems=(ConflictError, TooManyRequestsError)),
)
def delete_user(call: Call) -> None:
    """Erase an account: access ends at once, everything that names the person goes within minutes.

    The body holds `current_password`, that of the caller. The last active admin stays, and so does the last
    leader of a team: `detail` says of which. The username and the email address are free again.
    """
    confirm_password(call.context, call.actor.account, call.body["current_password"])
    actions.erase_user(call.context, call[USER])


# It shows what each of these scopes shows by itself, so it takes all of them.
@Operation(
    access=Access(ACTIVE_USER, scopes=USERS_READ | AUTH_READ | TEAMS_READ, limit=rate_limit("300/hour")),
    takes=Takes(query=ExportQuery),
    gives=Gives(ExportEntrySchema, many=True),
)
def get_export(call: Call) -> Reply:
    """Export everything that is stored about you, kind by kind, without secrets.

    Follow `Link` to the last page; a page may be short.
    """
    person = person_of(call.actor.account)
    place = (keys.user(person.id).pk, "export")
    after = open_cursor(call, place)
    start = export.Place.of(after) if after else export.START
    entries, end = export.read_page(person, start, call.query["limit"])
    return page_of(call, place, entries, end.text if end else "")
