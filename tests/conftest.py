"""What holds for all tests."""

from hypothesis import settings

pytest_plugins = ["tests.databases"]

settings.register_profile("parloir", deadline=None)
settings.load_profile("parloir")
