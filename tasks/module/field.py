"""A field of a resource, as the source that it becomes."""

from dataclasses import dataclass

from tasks.module.targets import FIRST, SECOND, Target


@dataclass(frozen=True)
class Field:
    """A field; the texts are Python source.

    :param required: a new item has to have it, and no patch removes it.
    :param stored: PynamoDB's attribute.
    :param declaration: the schema's field with its limits.
    :param example: a good value, and `other` another one.
    :param bad: values that are refused.
    :param limits: what is allowed, in words.
    :param blank: its value by default.
    :param listed: lists show it.
    :param fresh: of a unique one, a value that no other item has.
    :param target: what it refers to, and `when_deleted` what happens to the items with what they refer to.
    :param is_owner: says whose an item is, from its creation on.
    :param type: as `--field` has it.
    :param has_filter: lists may be filtered by it.
    """

    name: str
    required: bool
    stored: str
    declaration: str
    example: str
    other: str
    bad: tuple[str, ...]
    limits: str
    blank: str = "None"
    listed: bool = True
    fresh: str = ""
    target: Target | None = None
    when_deleted: str = ""
    is_owner: bool = False
    type: str = ""
    has_filter: bool = False

    @property
    def is_nullable(self) -> bool:
        """Whether it may be null."""
        return not self.required and self.blank == "None"

    @property
    def tried(self) -> tuple[str, ...]:
        """The ids that tests give it."""
        return (f'"{FIRST}"', f'"{SECOND}"', *([self.example] if self.is_owner else []))

    @property
    def attribute(self) -> str:
        """How a model stores it."""
        if self.required:
            return f"{self.stored}()"
        return f"{self.stored}(null=True)" if self.is_nullable else f"{self.stored}(default={self.blank})"

    @property
    def schema_field(self) -> str:
        """How a schema declares it."""
        also = ["required=True"] * self.required + ["allow_none=True"] * self.is_nullable
        described = ', "description": "Unique, in any case of letters."' if self.fresh else ""
        also.append(f'metadata={{"example": {self.example}{described}}}')
        return self.declaration.replace("...", ", ".join(also))

    @property
    def parameter(self) -> str:
        """How a query declares it, in which it has the value that is wanted."""
        # without an example, which the documentation page would fill in
        described = '"description": "Only those of this value. Filter by one field at a time."'
        return self.declaration.replace("...", f"metadata={{{described}}}")

    @property
    def rule(self) -> str:
        """The rule for patches of the field."""
        return "Rule()" if self.required or self.is_nullable else f"Rule(blank={self.blank})"

    @property
    def refused(self) -> list[str]:
        """Bad values, null among them unless it may be null."""
        return [*self.bad, *["None"] * (not self.is_nullable)]
