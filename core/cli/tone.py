"""`python -m core tone …`: language and mood of texts, and putting right what a message was taken for."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, sentence, show
from core.services.team import COMMAND_LINE

tone = room("Language and mood of what people write.")


@tone.command("judge")
def tone_judge(
    text: Annotated[str, typer.Argument(help="What somebody wrote.")],
    language: Annotated[str | None, typer.Option(help="What the network says of its language, like de or en.")] = None,
    as_json: Json = False,
) -> None:
    """Say what the hub makes of a text. Unknown is empty, with --json null."""
    from core.services.tone import judge

    found = judge(text, language)
    show([{"language": found.language, "sentiment": found.sentiment}], as_json, "")


@tone.command("correct")
def tone_correct(
    message_id: Annotated[int, typer.Argument(help="A message's number, see: inbox show.", metavar="MESSAGE")],
    sentiment: Annotated[str, typer.Argument(help="positive, neutral or negative.", metavar="MOOD")],
    as_json: Json = False,
) -> None:
    """Say what the mood of a message is. It stays, whatever the hub finds later."""
    from core.models.inbox import Message, Sentiment
    from core.services.moods import correct_sentiment

    with sentence(f"There is no mood “{sentiment}”. Take one of: {', '.join(Sentiment)}."):
        mood = Sentiment(sentiment)
    with db.write() as session:
        correct_sentiment(session, COMMAND_LINE, message_id, mood)
        message = session.get_one(Message, message_id)
        row = {"message_id": message.id, "language": message.language, "sentiment": message.sentiment}
    if as_json:
        show([row], True, "")
