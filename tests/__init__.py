"""Tests of Parloir, by subject."""
