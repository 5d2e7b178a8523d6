"""Tests with real phones, a real browser and the whole gateway."""
