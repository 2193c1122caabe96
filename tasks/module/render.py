"""The files of a new resource, and what its templates call things."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from tasks.module.fields import Field
from tasks.module.names import Names

TEMPLATES = Path(__file__).with_name("templates")
FILES = {
    "chalicelib/$things/__init__.py": "",
    "chalicelib/$things/actions.py": "actions.py",
    "chalicelib/$things/handlers.py": "handlers.py",
    "chalicelib/$things/models.py": "models.py",
    "chalicelib/$things/permissions.py": "permissions.py",
    "chalicelib/$things/schemas.py": "schemas.py",
    "tests/api/owned/$things.py": "owned.py",
    "tests/api/test_$things.py": "test.py",
    "docs/$things.md": "docs.md",
}


def new_files(names: Names, fields: list[Field]) -> dict[str, str]:
    """Write the files of a resource, by path; Python is not formatted yet."""
    values = places(names, fields)
    return {
        Template(path).substitute(values): template(name, values) if name else ""
        for path, name in FILES.items()
    }


def template(name: str, values: dict[str, str]) -> str:
    """Fill in a template."""
    return Template((TEMPLATES / f"{name}.tmpl").read_text("utf-8")).substitute(values)


def places(names: Names, fields: list[Field]) -> dict[str, str]:
    """Return the values for the placeholders of templates."""
    required = [field for field in fields if field.required]
    unique = [field for field in fields if field.fresh]
    unlisted = [field.name for field in fields if not field.listed] + ["created", "updated"]
    values = names.places() | {
        "attributes": _lines(f"{field.name} = {field.attribute}" for field in fields),
        "schema_fields": _lines(f"{field.name} = {field.schema_field}" for field in fields),
        "rules": _pairs((field.name, field.rule) for field in fields),
        "listed": _quoted(["id", "user_id", *(field.name for field in fields if field.listed)]),
        "unlisted": f"({_quoted(unlisted)})",
        "unlisted_words": _and([f"`{name}`" for name in unlisted]),
        "new": _pairs((field.name, field.example) for field in fields),
        "least": _pairs((field.name, field.example) for field in required),
        "other": _pairs((field.name, field.other) for field in fields),
        "unique": _quoted(field.name for field in unique),
        "fresh": "".join(f', "{field.name}": {field.fresh}' for field in unique),
        "unique_values": _pairs((field.name, f"self.{field.name}") for field in unique),
        "on_creation": "docs=Docs(problems=(ConflictError,))," if unique else "",
        "field": fields[0].name,
        "field_other": fields[0].other,
        "bad": ", ".join(f'("{field.name}", {value})' for field in fields for value in field.refused),
        "required": _quoted([field.name for field in required]),
        "optional": ", ".join(f'("{field.name}", {field.blank})' for field in fields if not field.required),
        "field_rows": "\n".join(
            f"| `{field.name}` | {field.limits}{', required' * field.required} |" for field in fields
        ),
    }
    has_decimals = any(field.stored == "DecimalAttribute" for field in fields)
    values["fuzzed"] = f'"create{values["Thing"]}", ' if has_decimals else ""
    values["unique_method"] = template("unique.py", values) if unique else ""
    values["unique_tests"] = template("test_unique.py", values) if unique else ""
    values["required_tests"] = template("test_required.py", values) if required else ""
    values["optional_tests"] = template("test_optional.py", values) if len(required) < len(fields) else ""
    return values


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
