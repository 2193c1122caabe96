"""What the templates of a resource say of the resources that it refers to."""

from collections.abc import Iterator, Mapping, Sequence
from string import Template

from tasks.module.field import Field
from tasks.module.files import template
from tasks.module.names import Names

DECLARED = """\
        Reference(attribute="$attribute", listing=keys.$THINGS, key=keys.$target, when_deleted="$mode"),
"""
ROUTE = """\
api.route("GET", "/api/v1/$targets/{${target}_id}/$things", $things.list_${things}_of_$target)
"""
ACCESS = """\
    ("GET", "/api/v1/$targets/{${target}_id}/$things"): Access("$things:read", "$target_words", $target_who),
"""
UNMEASURED = """\
    "GET /api/v1/$targets/{${target}_id}/$things",
"""
ROW = """\
| `GET /api/v1/$targets/{${target}_id}/$things` | `$things:read` | $listers; pages |
"""
PERSONAL = """\
    personal = Personal(
        places=lambda person: [Place(Index("$attribute").search(keys.$THINGS, person.id)[0], finds=True)],
        show=shown("id", "$attribute", "created", "updated"),
        erase=lambda items, _: $erase,
    )
"""
NOT_PERSONAL = """\
    personal = NOT_PERSONAL  # or what an export shows, and erasure does: docs/privacy.md
"""
# Who may look at an item need not be in the teams that own what refers to it.
ADMINS_LIST = {
    "may_see": "ADMIN",
    "target_words": "admin",
    "target_who": "frozenset(ADMINS)",
    "listers": "admins",
}
ERASE = {"cascade": "delete_each(items)", "clear": 'clear_each(items, "$attribute")'}
SETUP = '''
@pytest.fixture(autouse=True)
def _targets(user: User) -> None:
    """Put what $words refer to."""
    owned.add_targets()
$owner_setup

'''
PUT = {"teams": "    targets.put_team({})\n", "users": "    targets.put_user({})\n"}
PUT_GENERATED = "    $targets.put({})\n"
ADD_TARGETS = '''

def add_targets() -> None:
    """Put what $words refer to, unless it is there."""
'''
TESTS = {"refuse": "test_refuse.py", "cascade": "test_cascade.py"}
LEFT = {
    "clear": ("It becomes null", "{made: None, kept: SECOND}"),
    "cascade": ("It goes with it", "{kept: SECOND}"),
}
DELETED = {
    "refuse": "As long as $words refer to it, the deletion of $a_target is a 409.",
    "cascade": "With $a_target, the $words that refer to it are deleted, within minutes.",
    "clear": "With the erasure of $a_target, `$attribute` of its $words becomes null, within minutes.",
}


def each_reference(values: Mapping[str, str], fields: Sequence[Field]) -> Iterator[dict[str, str]]:
    """Return the values for the placeholders of templates that there are for each reference."""
    for field in fields:
        target = field.target
        if target is None:
            continue
        words = Names(target.things, target.thing).places()
        erase = ERASE.get(field.when_deleted, "")
        found = {
            **values,
            "attribute": field.name,
            "targets": target.things,
            "target": target.thing,
            "a_target": words["a_word"],
            "target_word": words["word"],
            "may_see": f"get_{target.thing}.access.permission",
            "target_words": target.words,
            "target_who": target.who,
            "listers": f"who may look at the {words['word']}",
            "budget": "4" if target.is_of_team else "3",
            "mode": "erasure" if target.is_users else field.when_deleted,
            "when_deleted": field.when_deleted,
            "erase": Template(erase).substitute(attribute=field.name),
        }
        is_others = any(each.is_owner for each in fields) and not field.is_owner
        yield found | _tests(field, found) | (ADMINS_LIST if is_others else {})


def _tests(field: Field, values: Mapping[str, str]) -> dict[str, str]:
    """Return the tests of what becomes of a reference."""
    words, left = LEFT.get(field.when_deleted, ("", ""))
    is_erased = values["mode"] == "erasure"
    name = "test_erasure.py" if is_erased else TESTS[field.when_deleted]
    return {
        "tests_of_changes": "" if field.is_owner else template("test_moved.py", values),
        "tests_of_deletion": template(name, {**values, "erasure_words": words, "expected_left": left}),
    }


def reference_places(values: Mapping[str, str], fields: Sequence[Field]) -> dict[str, str]:
    """Return the values for the placeholders of all references together."""
    each = list(each_reference(values, fields))

    def all_of(text: str) -> str:
        return "".join(Template(text).substitute(one) for one in each)

    declared = f"    references = (\n{all_of(DECLARED)}    )\n"
    deletions = "".join(f"\n{Template(DELETED[one['when_deleted']]).substitute(one)}" for one in each)
    setup = Template(SETUP).substitute(values)
    personal = [Template(PERSONAL).substitute(one) for one in each if one["mode"] == "erasure"]
    return {
        "references": declared if each else "",
        "personal": (personal or [NOT_PERSONAL])[0],
        "target_imports": all_of("from chalicelib.$targets.handlers import get_$target\n"),
        "reference_handlers": "".join(template("reference_handlers.py", one) for one in each),
        "reference_routes": all_of(ROUTE),
        "reference_access": all_of(ACCESS),
        "reference_unmeasured": all_of(UNMEASURED),
        "reference_rows": all_of(ROW),
        "deletion": f"\n## Deletion\n{deletions}\n" if each else "",
        "setup": setup if each else "",
    } | _targets(values, each, fields)


def _targets(
    values: Mapping[str, str], each: Sequence[Mapping[str, str]], fields: Sequence[Field]
) -> dict[str, str]:
    """Return what tests do so that there is what the resource refers to."""
    generated = [one for one in each if one["targets"] not in PUT]
    ids = [field.tried for field in fields if field.target]
    lines = "".join(
        Template(PUT.get(one["targets"], PUT_GENERATED)).substitute(one).format(known)
        for one, tried in zip(each, ids, strict=True)
        for known in tried
    )
    return {
        "owned_imports": "".join(f"from tests.api.owned import {one['targets']}\n" for one in generated),
        "call_targets": "    add_targets()\n" if each else "",
        "add_targets": Template(ADD_TARGETS).substitute(values) + lines if each else "",
    }
