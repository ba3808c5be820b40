"""Runs the migrations on the connection `Index` hands over."""

from alembic import context

from dicom_node.archive.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
