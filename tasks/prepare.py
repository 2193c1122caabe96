"""Makes the local table and the development data, with the settings of the environment.

`python -m tasks.prepare` prints what a developer signs in with.
"""

from chalicelib.db.table import connect, create_table
from chalicelib.settings import Settings
from tasks.errors import TaskError
from tasks.seed import DOCUMENTATION, SERVICE, SERVICE_SECRET, USERS, seed
from tasks.stages import settings_of

ROLES = {"is_admin": "admin", "is_internal": "internal"}


def main() -> None:
    """Create what is missing. Idempotent."""
    settings = Settings.from_env()
    connect(settings)
    create(settings)
    print(fill())


def open_local(stage: str) -> Settings:
    """Connect to the table of a local stage, for operations that deployed stages do not allow.

    :raises TaskError: the stage is deployed.
    """
    settings = settings_of(stage)
    if not settings.is_local:
        raise TaskError(
            f"{settings.stage} is deployed. Its stack has the table (invoke deploy --stage {settings.stage});"
            " development data, whose passwords are public, is for local stages."
        )
    connect(settings)
    return settings


def create(settings: Settings) -> str:
    """Create the table, unless it exists, and return a line that says so."""
    create_table()
    return f"{settings.table_name} is there."


def fill() -> str:
    """Write the development data, and return what a developer signs in with."""
    seed()
    users = ", ".join(described(name, fields) for name, fields in USERS.items())
    clients = f"{DOCUMENTATION} (public), {SERVICE}/{SERVICE_SECRET} (client_credentials)"
    return f"Users:    {users}\nClients:  {clients}"


def described(name: str, fields: dict[str, str | bool]) -> str:
    """Return a user as name/password, with the role if there is one."""
    roles = [role for flag, role in ROLES.items() if fields.get(flag)]
    return f"{name}/{fields['password']}" + (f" ({', '.join(roles)})" if roles else "")


if __name__ == "__main__":
    main()
