"""Whom residents may talk to: their lists, blocks of both sides, separations and relationships."""
