"""What a rule would have done to the last messages: a sentence and a table of the hits."""

from typing import Any

import streamlit as st

from core.services.rules import Trial, Tried
from core.ui.page import Page
from core.ui.parts import ago

SHOWN = 200  # rows


def trial_table(page: Page, trial: Trial) -> None:
    """Draw it. Nothing of it has been done."""
    if not trial.looked:
        st.caption("No message has come in yet, so there is nothing to try it on.")
        return
    st.markdown(f"**{_told(page, trial)}** Nothing was changed.")
    if not trial.hits:
        return
    rows = [_cells(page, hit) for hit in trial.hits[:SHOWN]]
    st.dataframe(
        rows,
        hide_index=True,
        height="auto",
        alt="Messages that the rule would have applied to",
        column_config={
            "When": st.column_config.DatetimeColumn(format="D MMM, HH:mm", width=110),
            "From": st.column_config.TextColumn(width=130),
            "Message": st.column_config.TextColumn(width=280),
            "It would": st.column_config.TextColumn(width=200),
            "Open": st.column_config.LinkColumn(display_text="Open", width=60),
        },
    )
    if len(trial.hits) > SHOWN:
        st.caption(f"The newest {SHOWN} are shown.")


def _told(page: Page, trial: Trial) -> str:
    stopped = sum(hit.stopped_by is not None for hit in trial.hits)
    left = f"; before {stopped} of them a rule above stops" if stopped else ""
    oldest = f" (the oldest from {ago(trial.since, page.zone)})" if trial.since else ""
    return f"It would have applied to {len(trial.hits)} of the last {trial.looked} messages{oldest}{left}."


def _cells(page: Page, hit: Tried) -> dict[str, Any]:
    would = f"nothing: “{hit.stopped_by}” stops before" if hit.stopped_by else ", ".join(hit.would)
    return {
        "When": hit.at.astimezone(page.zone).replace(tzinfo=None),
        "From": hit.contact,
        "Message": hit.text,
        "It would": would,
        "Open": f"/inbox?conversation={hit.conversation_id}",
        "Channel": hit.channel,
    }
