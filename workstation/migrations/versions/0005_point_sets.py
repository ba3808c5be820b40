"""Point sets: the thousands of points or outlines that another program found on a slide."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "point_sets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["author"], ["users.username"], name=op.f("fk_point_sets_author")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_point_sets_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_sets")),
    )
    op.create_index(op.f("ix_point_sets_case_id"), "point_sets", ["case_id"])
    op.create_table(
        "point_set_data",
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.Column("starts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("content_hash", name=op.f("pk_point_set_data")),
    )
