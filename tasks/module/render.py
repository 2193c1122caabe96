"""The files of a new resource, and what its templates call things."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from tasks.module.field import Field
from tasks.module.names import Names
from tasks.module.owners import OWNERS

FILES = {
    "chalicelib/$things/__init__.py": "",
    "chalicelib/$things/actions.py": "actions.py",
    "chalicelib/$things/handlers.py": "handlers.py",
    "chalicelib/$things/models.py": "models.py",
    "chalicelib/$things/permissions.py": "$permissions",
    "chalicelib/$things/schemas.py": "schemas.py",
    "tests/api/owned/$things.py": "owned.py",
    "tests/api/test_$things.py": "test.py",
    "tests/api/test_${things}_fields.py": "test_fields.py",
    "docs/$things.md": "docs.md",
}
FOUND_WORDS = """, or those that have a value.

    What is found by a value is not counted. It may lack what changed a moment ago, so a page may be short:
    `Link` says whether there are more.
    """
DECLARED = """\
        Reference(attribute="$attribute", listing=keys.$THINGS, key=keys.$target, when_deleted="$mode"),
"""
ROUTE = """\
api.route("GET", "/api/v1/$targets/{${target}_id}/$things", $things.list_${things}_of_$target)
"""
ACCESS = """\
    ("GET", "/api/v1/$targets/{${target}_id}/$things"): Access("$things:read", "$target_words", $target_who),
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
PUT = {"teams": "targets.put_team", "users": "targets.put_user"}
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


def template(name: str, values: Mapping[str, str]) -> str:
    """Fill in a template of the folder."""
    file = Path(__file__).with_name("templates") / f"{name}.tmpl"
    return Template(file.read_text("utf-8")).substitute(values)


def new_files(names: Names, fields: list[Field], owner: str = "user") -> dict[str, str]:
    """Return the files of a resource, by path; Python is not formatted yet."""
    values = places(names, fields, owner)
    files = {
        Template(path).substitute(values): template(Template(name).substitute(values), values) if name else ""
        for path, name in FILES.items()
    }
    return files | {
        f"tests/api/test_{names.things}_of_{each['target']}.py": template("test_reference.py", each)
        for each in each_reference(values, fields)
    }


def places(names: Names, fields: list[Field], owner: str = "user") -> dict[str, str]:
    """Return the values for the placeholders of templates."""
    own = [field for field in fields if not field.is_owner]  # nobody changes whose they are
    required = [field for field in own if field.required]
    unique = [field for field in fields if field.fresh]
    filters = [field for field in fields if field.has_filter]
    values = names.places() | _field_places(fields, owner) | _own_places(own) | _unique_places(unique)
    values |= _filter_places(f"{values['Thing']}Query", filters)
    values["fuzzed"] = f'"create{values["Thing"]}", ' if "decimal" in {field.type for field in fields} else ""
    values |= {name: Template(text).safe_substitute(values) for name, text in OWNERS[owner].items()}
    values |= reference_places(values, fields)
    parts = {
        "filter_schema": filters,
        "filter_handler": filters,
        "test_filter": filters,
        "test_filters": filters[1:],
        "unique": unique,
        "test_unique": unique,
        "test_required": required,
        "test_optional": len(required) < len(own),
    }
    return values | {part: template(f"{part}.py", values) if of else "" for part, of in parts.items()}


def _field_places(fields: list[Field], owner: str) -> dict[str, str]:
    unlisted = [field.name for field in fields if not field.listed] + ["created", "updated"]
    served = {"id": None, OWNERS[owner]["owner_field"]: None, "created": None, "updated": None}
    listed = [field.name for field in fields if field.listed and not field.is_owner]
    indexes = "".join(f'Index("{field.name}"), ' for field in fields if field.target or field.has_filter)
    return {
        "attributes": _lines(f"{field.name} = {field.attribute}" for field in fields),
        "schema_fields": _lines(f"{field.name} = {field.schema_field}" for field in fields),
        "indexes": f"    indexes = ({indexes})\n" if indexes else "",
        "listed": _quoted(dict.fromkeys(["id", OWNERS[owner]["owner_field"], *listed])),
        "unlisted": f"({_quoted(unlisted)})",
        "unlisted_words": _join([f"`{name}`" for name in unlisted], "and"),
        "new": _pairs((field.name, field.example) for field in fields),
        "least": _pairs((field.name, field.example) for field in fields if field.required),
        "field_rows": "\n".join(
            f"| `{field.name}` | {field.limits}{', required' * field.required} |" for field in fields
        ),
        "server_fields": ", ".join(f"`{name}`" for name in served if name not in {f.name for f in fields}),
    }


def _own_places(own: list[Field]) -> dict[str, str]:
    return {
        "rules": _pairs((field.name, field.rule) for field in own),
        "other": _pairs((field.name, field.other) for field in own),
        "field": own[0].name,
        "field_other": own[0].other,
        "bad": ", ".join(f'("{field.name}", {value})' for field in own for value in field.refused),
        "required": _quoted(field.name for field in own if field.required),
        "optional": ", ".join(f'("{field.name}", {field.blank})' for field in own if not field.required),
    }


def _unique_places(unique: list[Field]) -> dict[str, str]:
    return {
        "unique_fields": _quoted(field.name for field in unique),
        "fresh": "".join(f', "{field.name}": {field.fresh}' for field in unique),
        "unique_values": _pairs((field.name, f"self.{field.name}") for field in unique),
        "on_creation": "docs=Docs(problems=(ConflictError,))," if unique else "",
    }


def _filter_places(query: str, filters: list[Field]) -> dict[str, str]:
    words = _join([f"`?{field.name}=`" for field in filters], "or")
    return {
        "filters": _quoted(field.name for field in filters),
        "parameters": _lines(f"{field.name} = {field.parameter}" for field in filters),
        "query": query if filters else "ListQuery",
        "counted_if": "call: [] if FILTERS & call.request.query.keys() else" if filters else "_:",
        "found_words": FOUND_WORDS if filters else ".",
        "found_by": f"; {words} finds those that have the value, without a total" if filters else "",
    }


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _join(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


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
            "mode": "erasure" if target.things == "users" else field.when_deleted,
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
        "reference_rows": all_of(ROW),
        "deletion": f"\n## Deletion\n{deletions}\n" if each else "",
        "setup": setup if each else "",
    } | _targets(values, each, fields)


def _targets(
    values: Mapping[str, str], each: Sequence[Mapping[str, str]], fields: Sequence[Field]
) -> dict[str, str]:
    """Return what tests do so that there is what the resource refers to."""
    calls = "".join(
        f"    {PUT.get(field.target.things, f'{field.target.things}.put')}({known})\n"
        for field in fields
        if field.target
        for known in field.tried
    )
    generated = [one["targets"] for one in each if one["targets"] not in PUT]
    return {
        "owned_imports": "".join(f"from tests.api.owned import {things}\n" for things in generated),
        "call_targets": "    add_targets()\n" if each else "",
        "add_targets": Template(ADD_TARGETS).substitute(values) + calls if each else "",
    }
