"""Uploaded images: looked at, kept once, private."""

import stat
from io import BytesIO

import pytest
from PIL import Image

from core import db
from core.errors import PermissionDenied, UserError
from core.models.planning import MediaAsset
from core.models.team import Role
from core.services import media, media_image
from tests import factories


def picture(kind="PNG", size=(40, 30)):
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


def store(data, name="bild.png", actor=None):
    actor = actor or factories.actor()
    with db.write() as session:
        return media.store_image(session, actor, data, name)


def test_an_image_is_kept_once_under_its_checksum_for_the_hub_only(hub):
    first, again = store(picture()), store(picture(), "kopie.png")
    assert first == again
    with db.read() as session:
        asset = session.get(MediaAsset, first)
    path = media.media_path(asset.sha256, asset.mime)
    assert path.read_bytes() == picture() and (asset.width, asset.height) == (40, 30)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"GIF89a broken", b"%PDF-1.4"])
def test_what_is_no_image_is_refused_with_a_sentence(hub, data):
    with pytest.raises(UserError, match="no image"):
        store(data)


def test_a_name_proves_nothing(hub):
    number = store(picture("JPEG"), "../../etc/passwd.png")
    with db.read() as session:
        asset = session.get(MediaAsset, number)
    assert asset.mime == "image/jpeg" and asset.filename == "passwd.png"


def test_too_large_and_too_many_pixels(hub, monkeypatch):
    monkeypatch.setattr(media, "MOST_BYTES", 10)
    with pytest.raises(UserError, match="larger than"):
        store(picture())
    monkeypatch.setattr(media, "MOST_BYTES", 10**9)
    monkeypatch.setattr(media_image, "MOST_PIXELS", 100)
    with pytest.raises(UserError, match="too many pixels"):
        store(picture())


def test_a_viewer_uploads_nothing(hub):
    with pytest.raises(PermissionDenied):
        store(picture(), actor=factories.actor(Role.VIEWER))
