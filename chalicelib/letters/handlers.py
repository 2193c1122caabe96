"""The job that delivers letters, as Lambda runs it. What it needs beyond the API is imported when it runs."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from chalicelib.context import Context
from chalicelib.web.log_lines import job

NAME = "send_letters"


def sending(begin: Callable[..., Context]) -> Callable[[Any, Any], dict[str, int]]:
    """Make the function that the table's stream runs for new letters, and a schedule for those that are due.

    :param begin: makes contexts.
    """

    def send_letters(event: Any, context: Any) -> dict[str, int]:
        from chalicelib.letters import delivery  # noqa: PLC0415 - see above

        with job(NAME, SimpleNamespace(context=context)) as measurement:
            letters = delivery.named_in(event["Records"]) if "Records" in event else delivery.due()
            outcomes = delivery.deliver(begin(source=NAME, request_id=NAME), letters)
            measurement.note(**outcomes)
        return outcomes

    return send_letters  # Chalice names the handler by it
