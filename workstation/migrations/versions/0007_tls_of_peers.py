"""AEs that are called inside TLS, and the certificate pinned for one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ae_titles", sa.Column("tls", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "ae_titles", sa.Column("tls_pinned", sa.Text(), nullable=False, server_default="")
    )
