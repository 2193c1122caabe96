"""The files of a new resource, and what its templates call things."""

from collections.abc import Iterable, Sequence
from string import Template

from tasks.module.field import Field
from tasks.module.files import template
from tasks.module.names import Names
from tasks.module.owners import OWNERS
from tasks.module.references import each_reference, reference_places

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
FILE_OF_REFERENCE = "tests/api/test_${things}_of_$target.py"


def new_files(names: Names, fields: list[Field], owner: str = "user") -> dict[str, str]:
    """Write the files of a resource, by path; Python is not formatted yet.

    :param owner: whose its items are.
    """
    values = places(names, fields, owner)
    files = {
        Template(path).substitute(values): template(Template(name).substitute(values), values) if name else ""
        for path, name in FILES.items()
    }
    return files | {
        Template(FILE_OF_REFERENCE).substitute(each): template("test_reference.py", each)
        for each in each_reference(values, fields)
    }


def places(names: Names, fields: list[Field], owner: str = "user") -> dict[str, str]:
    """Return the values for the placeholders of templates.

    :param owner: whose the items are.
    """
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
