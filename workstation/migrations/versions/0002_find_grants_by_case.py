"""Find share grants by case: by site alone, lists took time quadratic in the number of cases."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_share_grants_case_id_granted_to", "share_grants", ["case_id", "granted_to"])
    op.drop_index("ix_share_grants_case_id", "share_grants")
    op.drop_index("ix_share_grants_granted_to", "share_grants")
