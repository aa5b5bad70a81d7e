"""The inbox for a team: who does what, labels, rules, deadlines, saved replies, notices, presence.

Columns are added where they are, nothing is copied: SQLite would rebuild a table of a million messages otherwise, and
lose the triggers of the full-text index with it.
"""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "label",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("color", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("stop", sa.Boolean(), nullable=False),
        sa.Column("conditions", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("actions", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("matched_at", UtcDateTime(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "servicehours",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("weekly", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("region", sa.String(length=32), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("target_minutes", sa.Integer(), nullable=False),
        sa.Column("undo_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "contact_label",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", "label_id"),
    )
    op.create_index("ix_contact_label_label", "contact_label", ["label_id", "contact_id"])

    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("target", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_member", "notice", ["member_id", "read_at", "id"])
    op.create_index(
        "ix_notice_unsent",
        "notice",
        ["id"],
        sqlite_where=sa.text("sent_at IS NULL"),
        postgresql_where=sa.text("sent_at IS NULL"),
    )

    op.create_table(
        "noticesettings",
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("kinds", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_to", sa.String(length=5), nullable=True),
        sa.Column("digest_at", sa.String(length=5), nullable=True),
        sa.Column("last_digest_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", UtcDateTime(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("trouble_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id"),
    )
    op.create_table(
        "savedreply",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "language"),
    )
    op.create_table(
        "savedview",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("member_id", "name"),
    )
    op.create_table(
        "conversation_label",
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "label_id"),
    )
    op.create_index("ix_conversation_label_label", "conversation_label", ["label_id", "conversation_id"])

    op.create_table(
        "presence",
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column(
            "doing",
            sa.Enum("reading", "writing", name="doing", native_enum=False, length=24),
            server_default="reading",
            nullable=False,
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "member_id"),
    )
    op.create_table(
        "servicetime",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("first", "resolution", name="servicekind", native_enum=False, length=24),
            server_default="first",
            nullable=False,
        ),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("conversation_id", "kind", "started_at"),
    )
    op.create_index("ix_servicetime_kind", "servicetime", ["kind", "ended_at", "channel_id"])

    op.create_table(
        "deed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column(
            "act",
            sa.Enum(
                "like",
                "unlike",
                "repost",
                "unrepost",
                "hide",
                "unhide",
                "delete_own",
                "follow",
                "unfollow",
                "mute",
                "unmute",
                "block",
                "unblock",
                name="act",
                native_enum=False,
                length=24,
            ),
            server_default="like",
            nullable=False,
        ),
        sa.Column("member_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("(message_id IS NULL) <> (contact_id IS NULL)", name="message_or_contact"),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("contact_id", "channel_id", "act"),
        sa.UniqueConstraint("message_id", "act"),
    )
    op.create_index("ix_deed_channel_id", "deed", ["channel_id"])

    op.add_column("auditentry", sa.Column("by", sa.String(length=120), nullable=True))

    op.add_column("channel", sa.Column("target_minutes", sa.Integer(), nullable=True))

    op.add_column(
        "contact",
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("contact.id", ondelete="SET NULL"), nullable=True),
        inline_references=True,
    )
    op.add_column(
        "contact",
        sa.Column(
            "stage",
            sa.Enum("new", "returning", "engaged", "fan", "advocate", name="stage", native_enum=False, length=24),
            nullable=True,
        ),
    )
    op.add_column("contact", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_contact_person_id", "contact", ["person_id"])

    op.add_column("conversation", sa.Column("respond_by", UtcDateTime(), nullable=True))
    op.add_column("conversation", sa.Column("warned_for", UtcDateTime(), nullable=True))
    op.add_column(
        "conversation",
        sa.Column("assignee_id", sa.Integer(), sa.ForeignKey("member.id", ondelete="SET NULL"), nullable=True),
        inline_references=True,
    )
    op.add_column(
        "conversation",
        sa.Column(
            "priority",
            sa.Enum("low", "normal", "high", "urgent", name="priority", native_enum=False, length=24),
            server_default="normal",
            nullable=False,
        ),
    )
    op.add_column(
        "conversation",
        sa.Column(
            "goal",
            sa.Enum("inquiry", "support", "opinion", "praise", "complaint", name="goal", native_enum=False, length=24),
            nullable=True,
        ),
    )
    op.add_column(
        "conversation",
        sa.Column(
            "sentiment",
            sa.Enum("positive", "neutral", "negative", name="sentiment", native_enum=False, length=24),
            nullable=True,
        ),
    )
    op.add_column("conversation", sa.Column("language", sa.String(length=16), nullable=True))
    op.add_column("conversation", sa.Column("snoozed_until", UtcDateTime(), nullable=True))
    op.add_column("conversation", sa.Column("resolved_at", UtcDateTime(), nullable=True))
    op.drop_index("ix_conversation_channel", "conversation")
    op.create_index(
        "ix_conversation_channel",
        "conversation",
        ["channel_id", "last_message_at", "id", "kind", "priority", "goal", "sentiment", "language", "assignee_id"],
    )
    op.drop_index("ix_conversation_channel_state", "conversation")
    op.create_index(
        "ix_conversation_channel_state",
        "conversation",
        [
            "channel_id",
            "state",
            "last_message_at",
            "id",
            "kind",
            "priority",
            "goal",
            "sentiment",
            "language",
            "assignee_id",
        ],
    )
    op.drop_index("ix_conversation_unread", "conversation")
    op.create_index(
        "ix_conversation_unread",
        "conversation",
        [
            "channel_id",
            "last_message_at",
            "id",
            "state",
            "kind",
            "priority",
            "goal",
            "sentiment",
            "language",
            "assignee_id",
        ],
        sqlite_where=sa.text("unread > 0"),
        postgresql_where=sa.text("unread > 0"),
    )
    op.create_index(
        "ix_conversation_assignee",
        "conversation",
        [
            "assignee_id",
            "state",
            "last_message_at",
            "id",
            "channel_id",
            "kind",
            "priority",
            "goal",
            "sentiment",
            "language",
        ],
    )
    op.create_index(
        "ix_conversation_respond_by",
        "conversation",
        ["respond_by", "id", "channel_id", "kind", "priority", "goal", "sentiment", "language", "assignee_id"],
        sqlite_where=sa.text("state = 'open' AND respond_by IS NOT NULL"),
        postgresql_where=sa.text("state = 'open' AND respond_by IS NOT NULL"),
    )
    op.create_index(
        "ix_conversation_snoozed",
        "conversation",
        ["snoozed_until"],
        sqlite_where=sa.text("state = 'snoozed'"),
        postgresql_where=sa.text("state = 'snoozed'"),
    )
    op.create_index(
        "ix_conversation_unpromised",
        "conversation",
        ["id"],
        sqlite_where=sa.text("state = 'open' AND waiting_since IS NOT NULL AND respond_by IS NULL"),
        postgresql_where=sa.text("state = 'open' AND waiting_since IS NOT NULL AND respond_by IS NULL"),
    )

    op.add_column(
        "message",
        sa.Column(
            "sentiment",
            sa.Enum("positive", "neutral", "negative", name="sentiment", native_enum=False, length=24),
            nullable=True,
        ),
    )
    op.add_column("message", sa.Column("corrected", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("message", sa.Column("triaged", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("message", sa.Column("automatic", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("ix_message_contact_id", "message")
    op.create_index("ix_message_contact", "message", ["contact_id", "conversation_id", "sent_at"])
    op.create_index(
        "ix_message_triage",
        "message",
        ["id"],
        sqlite_where=sa.text("triaged = 0 AND direction = 'in'"),
        postgresql_where=sa.text("NOT triaged AND direction = 'in'"),
    )


def downgrade() -> None:
    raise NotImplementedError(
        "There is no way back from here: restore the copy of the data folder that you made before."
    )
