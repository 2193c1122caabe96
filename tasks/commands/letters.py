"""`invoke letters.*`: email that waits to be sent."""

from typing import TYPE_CHECKING

from tasks.console import number, stage_command

if TYPE_CHECKING:  # importing it takes long
    from chalicelib.context import Context


@stage_command("list", limit="number of letters, at most (default: 20)", all="show all letters")
def list_letters(_context: "Context", *, limit: str = "20", all: bool = False) -> None:
    """Show the letters that wait, with their attempts and the time of the next one."""
    from tasks import letters

    letters.show(None if all else number("--limit", limit))


@stage_command(writes=True, letter="id of a letter (default: all that wait)")
def resend(context: "Context", letter: str = "") -> None:
    """Try letters again within a minute, such as after a setting was corrected."""
    from tasks import letters

    print(f"{letters.resend(context, letter)} letters are due now.")
