"""What holds for all tests."""

from hypothesis import settings

pytest_plugins = ["tests.databases", "tests.commands"]

settings.register_profile("parloir", deadline=None)
settings.load_profile("parloir")
