"""Attributes that PynamoDB lacks."""

from decimal import Decimal

from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER


class DecimalAttribute(Attribute[Decimal]):
    """An exact number of at most 38 digits (AWS quota); PynamoDB's own goes through doubles."""

    attr_type = NUMBER

    def serialize(self, value: Decimal) -> str:
        """Return a number as DynamoDB takes it."""
        return f"{value:f}"

    def deserialize(self, value: str) -> Decimal:
        """Return a number that was read."""
        return Decimal(value)
