"""Planning for a team: campaigns, review, versions, journal, stop button, slots, recurrences, links, feeds.

Columns are added where they are; nothing is copied.
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "keydate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("color", sa.String(length=16), nullable=False),
        sa.Column("yearly", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_keydate_day", "keydate", ["day"], unique=False)
    op.create_table(
        "namedperson",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("handles", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "textblock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("snippet", "hashtags", name="blockkind", native_enum=False, length=24),
            server_default="snippet",
            nullable=False,
        ),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "name"),
    )
    op.create_table(
        "weblink",
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("claim_token", sa.String(length=80), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("error_kind", sa.String(length=40), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("said", sa.String(length=300), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=True),
        sa.Column("image_type", sa.String(length=40), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("url"),
    )
    op.create_index("ix_weblink_due", "weblink", ["due_at"], unique=False)
    op.create_table(
        "approvalrule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("required", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("roles", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("member_ids", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("four_eyes", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["channel_group.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("group_id"),
    )
    op.create_table(
        "calendarfeed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["channel_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(op.f("ix_calendarfeed_member_id"), "calendarfeed", ["member_id"], unique=False)
    op.create_table(
        "composerdraft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("member_id", "place"),
    )
    op.create_table(
        "feedsource",
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("claim_token", sa.String(length=80), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("error_kind", sa.String(length=40), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("channel_ids", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("template", sa.Text(), server_default="{title}\n\n{link}", nullable=False),
        sa.Column("as_idea", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("etag", sa.String(length=300), nullable=False),
        sa.Column("modified", sa.String(length=100), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("url"),
    )
    op.create_index("ix_feedsource_due", "feedsource", ["due_at"], unique=False)
    op.create_table(
        "publishinghold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["ended_by"], ["member.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["group_id"], ["channel_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_publishinghold_open",
        "publishinghold",
        ["group_id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "feeditem",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("guid_hash", sa.String(length=64), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["source_id"], ["feedsource.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("source_id", "guid_hash"),
    )
    op.create_table(
        "postcomment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "comment", "asked", "approved", "returned", "withdrawn", name="remarkkind", native_enum=False, length=24
            ),
            server_default="comment",
            nullable=False,
        ),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_postcomment_post", "postcomment", ["post_id", "id"], unique=False)
    op.create_table(
        "postversion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("post_id", "number"),
    )
    op.create_table(
        "recurrence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("calendar", "evergreen", name="recurrencekind", native_enum=False, length=24),
            server_default="calendar",
            nullable=False,
        ),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column(
            "unit",
            sa.Enum("day", "week", "month", name="recurrenceunit", native_enum=False, length=24),
            server_default="week",
            nullable=False,
        ),
        sa.Column("weekdays", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("at", sa.String(length=5), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("rest_days", sa.Integer(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("followed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("post_id"),
    )
    op.create_index("ix_recurrence_next", "recurrence", ["next_at"], unique=False)
    op.create_table(
        "slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=5), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "weekday", "at"),
    )
    op.create_table(
        "deliveryevent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "scheduled",
                "intended",
                "sent",
                "accepted",
                "adopted",
                "seen",
                "missing",
                "looked",
                "resent",
                "waiting",
                "failed",
                "unconfirmed",
                "retried",
                "confirmed",
                "given_up",
                "cancelled",
                "held",
                "released",
                "edited",
                "deleted",
                name="eventkind",
                native_enum=False,
                length=24,
            ),
            server_default="scheduled",
            nullable=False,
        ),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_deliveryevent_delivery", "deliveryevent", ["delivery_id", "id"], unique=False)
    op.add_column("campaign", sa.Column("color", sa.String(length=16), server_default="gray", nullable=False))
    op.add_column("campaign", sa.Column("starts_on", sa.Date(), nullable=True))
    op.add_column("campaign", sa.Column("ends_on", sa.Date(), nullable=True))
    op.add_column(
        "campaign",
        sa.Column(
            "goal",
            sa.Enum(
                "traffic", "leads", "image", "support", "opinion", name="campaigngoal", native_enum=False, length=24
            ),
            nullable=True,
        ),
    )
    op.add_column("campaign", sa.Column("audience", sa.String(length=200), server_default="", nullable=False))
    op.add_column("campaign", sa.Column("paid", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("campaign", sa.Column("utm_source", sa.String(length=80), server_default="", nullable=False))
    op.add_column("campaign", sa.Column("utm_medium", sa.String(length=80), server_default="", nullable=False))
    op.add_column("campaign", sa.Column("utm_campaign", sa.String(length=120), server_default="", nullable=False))
    op.add_column("campaign", sa.Column("archived_at", UtcDateTime(), nullable=True))
    op.add_column("channel", sa.Column("time_zone", sa.String(length=64), nullable=True))
    op.add_column("channel", sa.Column("access_ends_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("seen_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("proof_due_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("proof_looks", sa.Integer(), server_default="0", nullable=False))
    op.add_column("delivery", sa.Column("gone_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("edited_at", UtcDateTime(), nullable=True))
    op.add_column("delivery", sa.Column("released_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_delivery_proof",
        "delivery",
        ["proof_due_at"],
        unique=False,
        sqlite_where=sa.text("proof_due_at IS NOT NULL"),
        postgresql_where=sa.text("proof_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_gone",
        "delivery",
        ["gone_at"],
        unique=False,
        sqlite_where=sa.text("gone_at IS NOT NULL"),
        postgresql_where=sa.text("gone_at IS NOT NULL"),
    )
    op.create_index("ix_delivery_published", "delivery", ["published_at", "id"], unique=False)
    op.add_column(
        "mediaasset",
        sa.Column(
            "kind",
            sa.Enum("image", "video", name="mediakind", native_enum=False, length=24),
            server_default="image",
            nullable=False,
        ),
    )
    op.add_column("mediaasset", sa.Column("duration", sa.Float(), nullable=True))
    op.add_column("mediaasset", sa.Column("frame_rate", sa.Float(), nullable=True))
    op.add_column("post", sa.Column("content_warning", sa.String(length=300), server_default="", nullable=False))
    op.add_column("post", sa.Column("visibility", sa.String(length=16), nullable=True))
    op.add_column("post", sa.Column("first_comment", sa.Text(), server_default="", nullable=False))
    op.add_column("post", sa.Column("tagged", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("post", sa.Column("untagged_links", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("post", sa.Column("queued", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("post", sa.Column("recurrence_id", sa.Integer(), nullable=True))
    op.add_column("post", sa.Column("origin", sa.String(length=40), server_default="", nullable=False))
    op.add_column("post", sa.Column("submitted_at", UtcDateTime(), nullable=True))
    op.add_column("post", sa.Column("approved_at", UtcDateTime(), nullable=True))
    op.add_column(
        "post",
        sa.Column("approved_by", sa.Integer(), sa.ForeignKey("member.id", ondelete="SET NULL"), nullable=True),
        inline_references=True,
    )
    op.add_column("post", sa.Column("approved_digest", sa.String(length=64), nullable=True))
    op.add_column("post", sa.Column("review", sa.JSON(none_as_null=True), nullable=True))
    op.create_index(
        "ix_message_came",
        "message",
        ["channel_id", "sent_at"],
        unique=False,
        sqlite_where=sa.text("direction = 'in'"),
        postgresql_where=sa.text("direction = 'in'"),
    )
    op.create_index("ix_post_recurrence", "post", ["recurrence_id", "planned_at"], unique=False)
    op.add_column("postmedia", sa.Column("focal_x", sa.Float(), nullable=True))
    op.add_column("postmedia", sa.Column("focal_y", sa.Float(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError(
        "There is no way back from here: restore the copy of the data folder that you made before."
    )
