"""Coverage: which parts of a slide a reader looked at closely."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coverage",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("cell_um", sa.Float(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_coverage_case_id")),
        sa.ForeignKeyConstraint(["reader"], ["users.username"], name=op.f("fk_coverage_reader")),
        sa.PrimaryKeyConstraint(
            "case_id", "reader", "series_instance_uid", name=op.f("pk_coverage")
        ),
    )
