"""Settings: what the team agreed on for its work, section by section."""

import streamlit as st

from core.ui.page import open_page
from core.ui.settings_approval import approval_section
from core.ui.settings_blocks import blocks_section
from core.ui.settings_hours import hours_section
from core.ui.settings_labels import labels_section
from core.ui.settings_notices import notices_section
from core.ui.settings_people import people_section
from core.ui.settings_replies import replies_section
from core.ui.settings_rules import rules_section

SECTIONS = {
    "Saved replies": replies_section,
    "Text blocks": blocks_section,
    "People": people_section,
    "Rules": rules_section,
    "Approval": approval_section,
    "Labels": labels_section,
    "Service hours": hours_section,
    "Notifications": notices_section,
}

page = open_page("Settings")
section = st.segmented_control(
    "Section",
    list(SECTIONS),
    default="Saved replies",
    required=True,
    key="section",
    bind="query-params",
    label_visibility="collapsed",
)
SECTIONS[section or "Saved replies"](page)
