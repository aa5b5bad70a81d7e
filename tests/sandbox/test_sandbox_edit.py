"""A published post is changed and taken down by our connector, at a server that forgets what an edit leaves out."""

from pathlib import Path

import pytest
from PIL import Image

from core.connectors.base import Draft, DraftImage, DraftPart
from core.connectors.mastodon import Mastodon
from core.errors import RemoteGone
from core.sandbox.plan import COFFEE
from core.sandbox.serve import Sandbox

from .conftest import Client


def test_a_post_with_an_image_keeps_it_through_a_change_of_its_text(
    box: Sandbox, coffee: Client, tmp_path: Path
) -> None:
    file = tmp_path / "tasse.png"
    Image.new("RGB", (40, 30), "teal").save(file)
    token = box.auth(COFFEE)["Authorization"].removeprefix("Bearer ")
    channel = Mastodon(box.url, {"access_token": token}, allowed_hosts=frozenset({"127.0.0.1"}))
    image = DraftImage(str(file), "image/png", file.stat().st_size, 40, 30, "Eine Tasse")
    sent = channel.publish(channel.prepare(Draft((DraftPart("Alt", (image,)),), "de"), 0, "key-1", []))
    before = coffee.call("GET", f"/api/v1/statuses/{sent.remote_id}")
    changed = channel.edit(sent.remote_id, Draft((DraftPart("Neu"),)), 0)
    assert (changed.remote_id, changed.url) == (sent.remote_id, sent.url)
    after = coffee.call("GET", f"/api/v1/statuses/{sent.remote_id}")
    assert "Neu" in after["content"] and after["edited_at"]
    for kept in ("media_attachments", "language", "visibility", "spoiler_text", "sensitive", "created_at"):
        assert after[kept] == before[kept], kept
    channel.delete(sent.remote_id)
    with pytest.raises(RemoteGone):
        channel.edit(sent.remote_id, Draft((DraftPart("Nochmal"),)), 0)
    assert channel.recheck([sent.remote_id]).removed == (sent.remote_id,)
    channel.close()
