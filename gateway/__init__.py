"""Parloir: the gateway between a facility's phones and visitors' browsers."""

__version__ = "0.1.0"
