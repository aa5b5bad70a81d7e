"""`python -m core review …`, and what the team does beside a post: `post comment`, `post versions`, `post restore`."""

from typing import Annotated

import typer
from sqlmodel import Session

from core import db
from core.cli.frame import Json, room, sentence, show
from core.cli.post import post
from core.services.team import COMMAND_LINE

review = room("Approval: what waits, approve it, return it, and the rules.")
rule = room("Which posts must be approved, and by whom.")
review.add_typer(rule, name="rule")


@review.command("list")
def review_list(as_json: Json = False) -> None:
    """Posts in review, what goes out first at the top."""
    from core.services import approval

    with db.read() as session:
        rows = approval.in_review(session)
    names = ("post_id", "title", "author", "asked_by", "since", "planned_at", "channels", "version")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "Nothing is in review.")


@review.command("ask")
def review_ask(post_id: int) -> None:
    """Ask for approval; everybody who may approve it is told."""
    from core.services import approval

    with db.write() as session:
        approval.submit_for_review(session, COMMAND_LINE, post_id)


@review.command("approve")
def review_approve(
    post_id: int,
    version: Annotated[int | None, typer.Option(help="The version that was read; refused if there is a newer.")] = None,
) -> None:
    """Approve a post as it stands."""
    from core.services import approval

    with db.write() as session:
        left = approval.approve(session, COMMAND_LINE, post_id, version)
    typer.echo(f"Approved. Still to be approved for {' and '.join(left)}." if left else "Approved.")


@review.command("return")
def review_return(post_id: int, reason: Annotated[str, typer.Option(help="What is to be changed.")]) -> None:
    """Send a post back to its author."""
    from core.services import approval

    with db.write() as session:
        approval.return_to_author(session, COMMAND_LINE, post_id, reason)


@review.command("withdraw")
def review_withdraw(post_id: int) -> None:
    """Take a request for approval back."""
    from core.services import approval

    with db.write() as session:
        approval.withdraw(session, COMMAND_LINE, post_id)


@review.command("who")
def review_who(post_id: int, as_json: Json = False) -> None:
    """Who may approve a post, and by which rules."""
    from core.services import approval
    from core.services.planning import post_detail

    with db.read() as session:
        post_detail(session, post_id)
        now = approval.standing(session, COMMAND_LINE, post_id)
    rows = [
        {"rule": need.where, "may": need.who, "people": need.people, "approved_by": need.done_by, "at": need.done_at}
        for need in now.needs
    ]
    show(rows, as_json, "This post needs no approval.")


@rule.command("list")
def rule_list(as_json: Json = False) -> None:
    """All rules; number 0 is the one for all other channels."""
    from core.services import approval
    from core.services.approval_rules import who

    with db.read() as session:
        people = approval.team(session)
        rows = [
            {
                "group": one.group_id or 0,
                "where": one.where,
                "required": one.required,
                "roles": one.roles,
                "members": one.member_ids,
                "four_eyes": one.four_eyes,
                "who": who(one, people) if one.required else "",
            }
            for one in approval.rules(session)
        ]
    show(rows, as_json, "No rules.")


@rule.command("set")
def rule_set(
    required: Annotated[bool, typer.Option("--required/--not-required", help="Whether posts must be approved.")] = True,
    group: Annotated[str, typer.Option(help="A group's name; without it, all other channels.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="admin, editor or viewer; may be given again.")] = None,
    member: Annotated[list[str] | None, typer.Option(help="A member's e-mail; may be given again.")] = None,
    four_eyes: Annotated[bool, typer.Option("--four-eyes", help="Nobody approves what they wrote.")] = False,
) -> None:
    """Set a rule. Nobody named: administrators approve. Prints how many scheduled posts went back into review."""
    from core.models.team import Role
    from core.services import approval
    from core.services.inbox_handling import person

    with sentence("A role is admin, editor or viewer."):
        roles = [Role(one) for one in role or ()]
    with db.write() as session:
        back = approval.save_rule(
            session,
            COMMAND_LINE,
            _group(session, group),
            required=required,
            roles=roles,
            member_ids=[person(session, mail).id for mail in member or ()],
            four_eyes=four_eyes,
        )
    typer.echo(str(back))


@rule.command("drop")
def rule_drop(group: str) -> None:
    """Let a group go by the rule for all others again."""
    from core.services import approval

    with db.write() as session:
        number = _group(session, group)
        back = approval.drop_rule(session, COMMAND_LINE, number or 0)
    typer.echo(str(back))


def _group(session: Session, name: str) -> int | None:
    """A group's number by its name; None for no name."""
    from core.services.channels import groups

    if not name:
        return None
    found = {one.name.casefold(): one.id for one in groups(session)}
    if name.casefold() not in found:
        raise typer.BadParameter(f"There is no group “{name}”.")
    return found[name.casefold()]


@post.command("comment")
def post_comment(post_id: int, text: str) -> None:
    """Say something about a post, for the team. @name tells a colleague. Prints the comment's number."""
    from core.services.post_comments import comment

    with db.write() as session:
        made = comment(session, COMMAND_LINE, post_id, text)
    typer.echo(str(made))


@post.command("comments")
def post_comments(post_id: int, as_json: Json = False) -> None:
    """What was said and decided about a post, oldest first; the newest hundred."""
    from core.services.post_comments import comments

    with db.read() as session:
        rows = comments(session, post_id, limit=100).rows
    show([row.__dict__ for row in rows], as_json, "Nobody has said anything yet.")


@post.command("versions")
def post_versions(
    post_id: int,
    number: Annotated[int | None, typer.Option(help="Show what changed with this version.")] = None,
    as_json: Json = False,
) -> None:
    """What each save of a post was, newest first; with --number, what that one changed."""
    from core.services import post_history

    with db.read() as session:
        if number is None:
            page = post_history.versions(session, post_id, limit=200)
            rows = [{"number": v.number, "at": v.at, "by": v.by, "action": v.action} for v in page.rows]
        else:
            chosen = post_history.version(session, post_id, number)
            before = post_history.version_at(session, post_id, number - 1)
            found = post_history.diff(before.content if before else {}, chosen.content)
            rows = [{"of": t.label, "change": _plain(t.pieces)} for t in found.texts]
            rows += [{"of": "", "change": said} for said in found.others]
    show(rows, as_json, "No version is kept.")


def _plain(pieces: object) -> str:
    from core.services.post_diff import Piece

    marks = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    return "".join(marks[p.sign].format(p.text) for p in pieces if isinstance(p, Piece))  # type: ignore[attr-defined]


@post.command("restore")
def post_restore(post_id: int, number: int) -> None:
    """Save what an older version said as a new one. Prints what could not come back."""
    from core.services import planning, post_history

    with db.write() as session:
        version = planning.post_detail(session, post_id).version
        for sentence_ in post_history.restore(session, COMMAND_LINE, post_id, number, version):
            typer.echo(sentence_)
