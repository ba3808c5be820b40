"""Uploads in blocks: their size, the digest of the whole, and whether a preview was made."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("block_bytes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("digest", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("preview", sa.String(length=16), nullable=False, server_default=""),
    ):
        op.add_column("uploads", column)
