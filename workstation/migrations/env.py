"""What Alembic runs; the connection comes from `workstation.migrations.upgrade`."""

from alembic import context

from workstation.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
