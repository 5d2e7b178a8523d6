"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("parloir", deadline=None)
settings.load_profile("parloir")
