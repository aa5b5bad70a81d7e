"""What a channel takes of a draft: the one judge that composer, scheduler and worker share. Pure, asks nobody."""

from collections.abc import Sequence

from core.connectors.base import (
    VISIBILITIES,
    Capabilities,
    Connector,
    Draft,
    DraftImage,
    DraftPart,
    Limits,
    Problem,
    Severity,
)

VIDEO_NAMES = {"video/mp4": "MP4", "video/webm": "WebM", "video/quicktime": "MOV"}


def validate(connector: type[Connector], draft: Draft, limits: Limits) -> list[Problem]:
    """Judge a draft for one channel. Pure; used by composer, scheduler and worker alike."""
    problems = [Problem(severity, message) for severity, message in _judge_whole(connector.capabilities, draft)]
    for index, part in enumerate(draft.parts):
        length = connector.part_length(draft, index, limits)
        where = "First comment: " if part.comment else ""
        problems += [
            Problem(severity, where + message, index) for severity, message in _judge_part(part, length, limits)
        ]
    return problems


def _judge_whole(can: Capabilities, draft: Draft) -> list[tuple[Severity, str]]:
    """What holds for all parts: threads, for whom it is, what stands in front of it."""
    found: list[tuple[Severity, str]] = []
    if sum(not part.comment for part in draft.parts) > 1 and not can.threads:
        found.append((Severity.ERROR, "This network has no threads. Shorten the text to one post."))
    if any(part.comment for part in draft.parts) and not can.replies:
        found.append((Severity.ERROR, f"{can.label} has no comments. Leave the first comment out."))
    if draft.visibility not in (None, "public", *can.visibilities):
        found.append(_too_wide(can, str(draft.visibility)))
    if draft.content_warning and not can.content_warnings:
        words = f"{can.label} has no content warnings: it stands above the text there, and hides nothing."
        found.append((Severity.WARNING, words))
    return [*found, *((Severity.WARNING, remark) for remark in draft.remarks)]


def _too_wide(can: Capabilities, wanted: str) -> tuple[Severity, str]:
    """A network would show a post to more people than it is meant for: unbearable, unless they are many anyway."""
    name = VISIBILITIES.get(wanted, wanted)
    if wanted == "unlisted":
        return Severity.WARNING, f"{can.label} has no “{name}”: there it is a public post like any other."
    return Severity.ERROR, f"{can.label} has no “{name}”: everybody would see it. Leave this channel out."


def _judge_part(part: DraftPart, length: int, limits: Limits) -> list[tuple[Severity, str]]:
    found: list[tuple[Severity, str]] = []
    if not part.text.strip() and not part.images:
        found.append((Severity.ERROR, "There is nothing to publish yet. Write a text or add an image."))
    if length > limits.text_length:
        over = length - limits.text_length
        words = f"{over} character{'s' if over != 1 else ''} too long ({length} of {limits.text_length})."
        found.append((Severity.ERROR, words))
    if limits.text_bytes is not None and len(part.text.encode()) > limits.text_bytes:
        found.append((Severity.ERROR, f"The text is larger than {limits.text_bytes} bytes. Shorten it."))
    pictures = [image for image in part.images if not image.is_video]
    videos = [image for image in part.images if image.is_video]
    if len(pictures) > limits.images:
        found.append((Severity.ERROR, f"{len(pictures)} images, but at most {limits.images} fit in one post."))
    for number, image in enumerate(pictures, start=1):
        found += _judge_image(number, image, limits)
    return found + (_judge_videos(videos, bool(pictures), limits) if videos else [])


def _judge_image(number: int, image: DraftImage, limits: Limits) -> list[tuple[Severity, str]]:
    found: list[tuple[Severity, str]] = []
    if image.mime not in limits.image_types:
        kinds = ", ".join(t.removeprefix("image/").upper() for t in limits.image_types)
        found.append((Severity.ERROR, f"Image {number} is {image.mime}. This channel takes {kinds}."))
    if not image.alt.strip():
        found.append((Severity.WARNING, f"Image {number} has no alt text. People who can't see it miss it."))
    if len(image.alt) > limits.alt_length:
        found.append((Severity.ERROR, f"The alt text of image {number} is over {limits.alt_length} characters."))
    return found


def _judge_videos(videos: Sequence[DraftImage], beside_pictures: bool, limits: Limits) -> list[tuple[Severity, str]]:
    if not limits.videos:
        return [(Severity.ERROR, "This channel takes no video. Take it out, or leave this channel out.")]
    found: list[tuple[Severity, str]] = []
    if len(videos) > limits.videos:
        most = "only one fits" if limits.videos == 1 else f"at most {limits.videos} fit"
        found.append((Severity.ERROR, f"{len(videos)} videos, but {most} in one post."))
    if beside_pictures:
        found.append((Severity.ERROR, "Images and a video don't go into one post. Keep the one or the other."))
    for video in videos:
        found += [(Severity.ERROR, sentence) for sentence in _too_much(video, limits)]
        if not video.alt.strip():
            found.append((Severity.WARNING, "The video has no alt text. People who can't see it miss it."))
        if len(video.alt) > (most_alt := limits.video_alt_length or limits.alt_length):
            found.append((Severity.ERROR, f"The alt text of the video is over {most_alt} characters."))
    return found


def _too_much(video: DraftImage, limits: Limits) -> list[str]:
    """What of a video the server doesn't take: videos aren't made to fit, images are."""
    found: list[str] = []
    if video.mime not in limits.video_types:
        kinds = " or ".join(VIDEO_NAMES.get(t, t) for t in limits.video_types)
        found.append(
            f"The video is {VIDEO_NAMES.get(video.mime, video.mime)}. This channel takes {kinds}: export it anew."
        )
    if video.size > limits.video_bytes:
        sizes = f"{video.size / 1e6:.1f} MB, but at most {limits.video_bytes / 1e6:.0f} MB"
        found.append(f"The video has {sizes} are taken here. Export it smaller.")
    if limits.video_seconds is not None and (video.duration or 0) > limits.video_seconds:
        longest = (
            f"{limits.video_seconds / 60:g} minutes" if limits.video_seconds >= 60 else f"{limits.video_seconds:g} s"
        )
        found.append(f"The video is longer than {longest}. Shorten it.")
    if limits.video_pixels is not None and video.width * video.height > limits.video_pixels:
        found.append(f"The video has too many pixels ({video.width} × {video.height}). Export it smaller.")
    if limits.video_frame_rate is not None and (video.frame_rate or 0) > limits.video_frame_rate:
        found.append(f"The video has over {limits.video_frame_rate:g} frames a second. Export it with fewer.")
    return found
