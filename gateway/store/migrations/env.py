"""Alembic's entry: runs the migrations on the connection that parloir.store.schema opened."""

from alembic import context

from parloir.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
