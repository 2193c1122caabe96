"""What the callers of the tests own: a module for each resource that `module.create` has made."""

import pkgutil
from importlib import import_module
from typing import Any

RESOURCES: dict[str, Any] = {
    module.name: import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)
}
