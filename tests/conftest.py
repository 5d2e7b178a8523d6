"""What holds for all tests."""

from hypothesis import settings

from tests import hashes

pytest_plugins = ["tests.databases", "tests.commands"]

settings.register_profile("parloir", deadline=None)
settings.load_profile("parloir")

hashes.hurry()
