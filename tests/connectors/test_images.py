"""Images are made to fit, turned upright, and lose what they would tell about whoever took them."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from core.connectors.base import DraftImage, Limits
from core.connectors.images import FittedImage, fit
from core.errors import Rejected

SECRET = b"secret"


def exif(orientation: int = 1) -> Image.Exif:
    told = Image.Exif()
    told[0x0112] = orientation
    told[0x010E] = "secret description"
    told.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)  # GPS latitude
    return told


def save(path: Path, picture: Image.Image, kind: str, **options: object) -> DraftImage:
    picture.save(path, kind, **options)
    return DraftImage(str(path), f"image/{kind.lower()}", path.stat().st_size, *picture.size)


def opened(fitted: FittedImage) -> Image.Image:
    picture = Image.open(io.BytesIO(fitted.data))
    picture.load()
    return picture


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 90).convert("RGB")


def test_a_photo_tells_nothing_but_its_pixels(tmp_path: Path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = save(
        tmp_path / "a.jpg",
        Image.new("RGB", (60, 40), "red"),
        "JPEG",
        exif=exif(),
        comment=b"secret comment",
        xmp=b"<x>secret xmp</x>",
        icc_profile=profile,
    )
    assert SECRET in Path(image.path).read_bytes()
    fitted = fit(image, Limits())
    assert SECRET not in fitted.data and b"Exif" not in fitted.data
    assert not opened(fitted).getexif()
    assert opened(fitted).info["icc_profile"] == profile, "without it wide colours look wrong"


def test_a_png_loses_its_texts_and_keeps_what_is_see_through(tmp_path: Path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "secret author")
    texts.add_itxt("XML:com.adobe.xmp", "<x>secret</x>")
    picture = Image.new("RGBA", (30, 20), (0, 255, 0, 0))
    fitted = fit(save(tmp_path / "a.png", picture, "PNG", pnginfo=texts, exif=exif()), Limits())
    assert fitted.mime == "image/png" and SECRET not in fitted.data
    assert opened(fitted).getpixel((5, 5))[3] == 0


def test_what_was_held_sideways_is_turned_upright(tmp_path: Path):
    picture = Image.new("RGB", (60, 40), "red")
    picture.paste("blue", (0, 0, 60, 10))  # the camera's top
    fitted = fit(save(tmp_path / "a.jpg", picture, "JPEG", exif=exif(orientation=6)), Limits())
    assert (fitted.width, fitted.height) == (40, 60)
    red, _, blue = opened(fitted).getpixel((38, 30))
    assert blue > red, "turned clockwise the top is on the right"


def test_too_many_bytes_are_made_fewer_and_not_needlessly_few(tmp_path: Path):
    image = save(tmp_path / "a.jpg", noise(1200, 900), "JPEG", quality=95)
    limits = Limits(image_bytes=image.size // 6)
    fitted = fit(image, limits)
    assert limits.image_bytes / 4 < len(fitted.data) <= limits.image_bytes
    assert opened(fitted).size == (fitted.width, fitted.height)
    assert fitted.width / fitted.height == pytest.approx(1200 / 900, rel=0.02)


def test_too_many_pixels_are_made_fewer(tmp_path: Path):
    fitted = fit(save(tmp_path / "a.png", noise(400, 300), "PNG"), Limits(image_pixels=30_000))
    assert fitted.width * fitted.height <= 30_000


def test_a_png_that_is_too_large_becomes_a_jpeg_on_white(tmp_path: Path):
    picture = noise(500, 500).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 250, 500))
    image = save(tmp_path / "a.png", picture, "PNG")
    fitted = fit(image, Limits(image_bytes=image.size // 3))
    assert fitted.mime == "image/jpeg"
    assert min(opened(fitted).getpixel((fitted.width // 4, fitted.height // 2))) > 240


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "CMYK", "RGBA"])
def test_every_kind_of_colour_can_be_sent(tmp_path: Path, mode: str):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    fitted = fit(save(tmp_path / "a", Image.new(mode, (20, 20)), kind), Limits(image_types=("image/jpeg",)))
    assert fitted.mime == "image/jpeg" and opened(fitted).mode == "RGB"


def test_a_moving_gif_keeps_moving(tmp_path: Path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    image = save(tmp_path / "a.gif", frames[0], "GIF", save_all=True, append_images=frames[1:])
    fitted = fit(image, Limits())
    assert fitted.mime == "image/gif" and opened(fitted).n_frames == 3
    assert fit(image, Limits(image_types=("image/jpeg",))).mime == "image/jpeg"


def test_a_file_that_is_gone_or_broken_is_said_in_a_sentence(tmp_path: Path):
    with pytest.raises(Rejected, match="no longer there"):
        fit(DraftImage(str(tmp_path / "gone.jpg"), "image/jpeg", 1, 1, 1), Limits())
    whole = io.BytesIO()
    noise(200, 200).save(whole, "PNG")
    for name, data in {
        "page": b"<html>no image</html>",
        "empty": b"",
        "half": whole.getvalue()[: len(whole.getvalue()) // 2],
        "broken": whole.getvalue()[:60] + b"\xff" * 400 + whole.getvalue()[460:],
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Rejected, match="can't be read"):
            fit(DraftImage(str(tmp_path / name), "image/png", len(data), 200, 200), Limits())


def test_a_limit_that_nothing_meets_is_said_in_a_sentence(tmp_path: Path):
    with pytest.raises(Rejected, match="smaller"):
        fit(save(tmp_path / "a.jpg", noise(300, 300), "JPEG"), Limits(image_bytes=100))


def test_the_worker_loads_no_image_library_before_it_needs_one():
    asked = "import sys, core.connectors.registry, core.connectors.images; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
