"""Calls, visits and their timeline."""
