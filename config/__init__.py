"""One YAML file: its schema, its loader, and what ships beside it."""
