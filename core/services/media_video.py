"""Videos: what they are, a clean copy to keep, a picture of them. PyAV is loaded when it is needed.

The kept copy holds the same frames and sound, not encoded anew, and nothing else: phones write the place, their owner
and the camera into a video. MOV becomes MP4 where its sound allows that, which every network takes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

CONTAINERS = {"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov"}
CODECS = {"h264", "hevc", "vp8", "vp9", "av1"}  # what networks and browsers can play
SOUNDS_OF_MP4 = {"aac", "mp3", "opus", "ac3", "eac3"}
MOST_PIXELS = 3840 * 2160
POSTER_SIDE = 1280  # pixels, the longer one
WHOLE = 0.9  # of the duration that a file says: with less it was cut off
EXPORT = "Export it as MP4 (H.264) and add it again."


@dataclass(frozen=True)
class Video:
    """What a video is. Pixels as it is shown (turned upright), `duration` in seconds, `frame_rate` a second."""

    mime: str
    width: int
    height: int
    duration: float
    frame_rate: float | None
    codec: str
    sound: bool


def is_video(head: bytes) -> bool:
    """Whether a file begins like an MP4, MOV or WebM; its name proves nothing."""
    return head[4:8] in (b"ftyp", b"moov", b"wide", b"mdat", b"skip") or head[:4] == b"\x1aE\xdf\xa3"


def take(source: Path, clean: Path, poster: Path, filename: str) -> Video:
    """Write a clean copy and the poster picture of a video. Raises `UserError` with what is wrong with it."""
    import av

    try:
        with av.open(str(source)) as opened:
            video = _looked_at(opened, filename)
            picture = _poster(opened)
        _copy(source, clean, CONTAINERS[video.mime], video)
        picture.save(poster, "JPEG", quality=82)
    except UserError:
        raise
    except MemoryError:
        raise
    except Exception:  # whatever a decoder stumbles over
        raise UserError(f"“{filename}” is no video the hub can read, or it is cut off. {EXPORT}") from None
    return video


def _looked_at(opened: Any, filename: str) -> Video:
    if not opened.streams.video:
        raise UserError(f"“{filename}” holds no picture: it is sound alone, or cut off. {EXPORT}")
    stream = opened.streams.video[0]
    codec = stream.codec_context.codec.canonical_name
    if codec not in CODECS:
        raise UserError(f"“{filename}” is written as {codec}, which networks don't play. {EXPORT}")
    if stream.width * stream.height > MOST_PIXELS:
        raise UserError(f"“{filename}” has too many pixels ({stream.width} × {stream.height}). Export it smaller.")
    turned = next(opened.decode(video=0)).rotation % 180 != 0
    width, height = (stream.height, stream.width) if turned else (stream.width, stream.height)
    sounds = {s.codec_context.codec.canonical_name for s in opened.streams.audio[:1]}
    return Video(
        mime=_kind(opened.format.name, sounds, filename),
        width=width,
        height=height,
        duration=round((opened.duration or 0) / 1_000_000, 2),
        frame_rate=round(float(stream.average_rate), 2) if stream.average_rate else None,
        codec=codec,
        sound=bool(sounds),
    )


def _kind(container: str, sounds: set[str], filename: str) -> str:
    if "webm" in container.split(","):
        return "video/webm"
    if "mp4" in container.split(","):
        return "video/mp4" if sounds <= SOUNDS_OF_MP4 else "video/quicktime"
    raise UserError(f"“{filename}” is no MP4, MOV or WebM. {EXPORT}")


def _poster(opened: Any) -> "Image":
    """A frame that is likely to show something: not the very first."""
    stream = opened.streams.video[0]
    wanted = min(1.0, (opened.duration or 0) / 3_000_000)
    opened.seek(0)
    frame = None
    for frame in opened.decode(stream):
        if frame.time is not None and frame.time >= wanted:
            break
    if frame is None:
        raise ValueError("no frame")
    picture: Image = frame.to_image()
    if frame.rotation:
        picture = picture.rotate(frame.rotation, expand=True)
    picture.thumbnail((POSTER_SIDE, POSTER_SIDE))
    return picture


def _copy(source: Path, clean: Path, container: str, video: Video) -> None:
    """The first video and sound as they are, without anything written about them. Raises where packets are missing."""
    import av

    options = {"movflags": "faststart"} if container in ("mp4", "mov") else {}
    last = 0.0
    with av.open(str(source)) as opened, av.open(str(clean), "w", format=container, options=options) as made:
        streams = {}
        for stream in (opened.streams.video[0], *opened.streams.audio[:1]):
            streams[stream.index] = made.add_stream_from_template(stream)
            streams[stream.index].metadata.clear()
        for packet in opened.demux([opened.streams[index] for index in streams]):
            if packet.dts is None:
                continue
            if packet.pts is not None and packet.time_base is not None:
                last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            packet.stream = streams[packet.stream.index]
            made.mux(packet)
    if video.duration and last < video.duration * WHOLE:
        raise ValueError("cut off")
