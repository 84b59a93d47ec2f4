"""What a module of the reference defines is there for definitions, pages and tests."""

import importlib
import inspect
import pkgutil

import pytest

from autograder import reference


@pytest.mark.parametrize(
    "name", [module.name for module in pkgutil.iter_modules(reference.__path__)]
)
def test_every_public_name_is_exported(name):
    module = importlib.import_module(f"autograder.reference.{name}")
    own = {
        found
        for found, value in vars(module).items()
        if not found.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    }
    missing = own - set(reference.__all__)
    assert not missing, "import them in autograder/reference/__init__.py, and name them in __all__"
