"""Visits, calls, timelines and dialogs in SQL."""
