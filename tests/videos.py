"""Small videos made for a test: a colour that changes, and silence."""

from pathlib import Path

SOUNDS = {"libx264": "aac", "libvpx-vp9": "libopus", "mpeg4": "aac"}


def make(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    seconds: float = 1.0,
    codec: str = "libx264",
    rate: int = 10,
    sound: bool = True,
    told: dict[str, str] | None = None,
) -> Path:
    """A video at `path`; its ending says which kind of file. `told` is what a camera would write into it."""
    import av
    from PIL import Image

    with av.open(str(path), "w") as made:
        made.metadata.update(told or {})
        stream = made.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        audio = made.add_stream(SOUNDS[codec], rate=48000) if sound else None
        for number in range(int(seconds * rate)):
            picture = Image.new("RGB", size, (number * 12 % 256, 90, 120))
            made.mux(stream.encode(av.VideoFrame.from_image(picture)))
        if audio is not None:
            made.mux(_silence(av, audio, seconds))
        made.mux(stream.encode(None))
    return path


def turned(source: Path, path: Path, degrees: int = -90) -> Path:
    """The same video, held upright as phones do: only a note says that it is to be turned."""
    import av

    with av.open(str(source)) as opened, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(opened.streams.video[0])
        stream.set_display_rotation(degrees)
        for packet in opened.demux(opened.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    return path


def _silence(av, audio, seconds: float):  # type: ignore[no-untyped-def]
    packets = []
    for number in range(int(seconds * 50)):
        frame = av.AudioFrame(format=audio.format.name, layout="stereo", samples=960)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48000, number * 960
        packets += audio.encode(frame)
    return packets + audio.encode(None)
