"""Names of schemas, operations and tags: clients are generated from them, in many languages."""

import re

import pytest

from chalicelib.web.operation import OTHER
from tests.spec import DOCUMENT

MODELS = sorted(DOCUMENT["components"]["schemas"])
OPERATIONS = [entry for methods in DOCUMENT["paths"].values() for entry in methods.values()]
# What generated clients, and the languages that they are written in, call by these names themselves.
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        APIClient APIKey APIResponse ApiClient ApiException ApiKey ApiResponse BaseAPI BasicAuth Blob Body
        Boolean Box Class Client ClientInterface ClientOption ClientWithResponses
        ClientWithResponsesInterface Configuration Context Date Default Enum Error Exception File FormData
        Function Headers HttpRequestDoer InitOverrideFunction Integer Interface JSON List Map MappedNullable
        Middleware Number Object Option Optional Order Package Pair Record Request RequestContext
        RequestEditorFn RequestOpts Response ResponseContext Result Runtime Schema ServerConfiguration
        ServerVariable Set String StringUtil System Thread Type Vec VoidApiResponse
        """,
    )
)

# What generators derive from an operation; the operation's name stands in the braces.
DERIVED = (
    "Api{}Request",
    "New{}Request",
    "Parse{}Response",
    "{}Error",
    "{}FormdataBody",
    "{}FormdataRequestBody",
    "{}JSONBody",
    "{}JSONRequestBody",
    "{}Params",
    "{}Request",
    "{}RequestBody",
    "{}Response",
    "{}Success",
)


def title(name: str) -> str:
    """Return an operationId as generators write it in names of types."""
    return name[0].upper() + name[1:]


@pytest.mark.parametrize("name", MODELS)
def test_a_schema_collides_with_nothing_in_a_generated_client(name: str) -> None:
    """Go's constructor of Team is NewTeam; Client and Error are taken in several languages."""
    others = {other.lower() for other in MODELS if other != name}
    derived = {form.format(title(entry["operationId"])) for entry in OPERATIONS for form in DERIVED}
    assert name.removeprefix("New").removeprefix("Nullable") == name
    assert name.lower() not in others
    assert name not in RESERVED | derived
    assert name not in DOCUMENT["components"]["responses"]


@pytest.mark.parametrize("name", MODELS)
def test_a_schema_has_a_name_that_every_language_takes(name: str) -> None:
    """API Gateway takes letters and digits only."""
    assert re.fullmatch("[A-Z][A-Za-z0-9]+", name)


def test_operations_have_names_of_their_own_in_every_case() -> None:
    """Generated methods are written in camel case or in snake case."""
    names = [entry["operationId"].lower() for entry in OPERATIONS]
    assert len(names) == len(set(names))


def test_each_operation_is_in_a_declared_group() -> None:
    """The route table opens a group for it; groups are the page's chapters and the generated classes."""
    told = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    assert {tag for entry in OPERATIONS for tag in entry["tags"]} == told.keys()
    assert OTHER not in told
    assert all(told.values())


def test_groups_are_named_for_people() -> None:
    """Their names are declared, so a renamed module changes no generated client."""
    names = [tag["name"] for tag in DOCUMENT["tags"]]
    assert names[:4] == ["Users", "Privacy", "Connected apps", "Sessions"]
