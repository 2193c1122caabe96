"""ministack, all of its services; run by the engine's own Python, with its settings in the environment."""

from typing import Any

from ministack import app

plain = app._handle_execute_api_request  # ministack is pinned exactly and has no public name for it


async def renaming(*arguments: Any, **named: Any) -> Any:
    """Rename WWW-Authenticate in what a function returns, as API Gateway does."""
    answer = await plain(*arguments, **named)
    if answer is None:
        return None
    status, headers, body = answer
    names = {
        name: "x-amzn-Remapped-WWW-Authenticate" for name in headers if name.lower() == "www-authenticate"
    }
    return status, {names.get(name, name): value for name, value in headers.items()}, body


if __name__ == "__main__":
    app._handle_execute_api_request = renaming
    app.main()
