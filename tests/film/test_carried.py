"""What a film carries besides frames and sound: HDR metadata, fields, covers, attached files; and
films that lie in folders.
"""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from tests.film.clips import bars, limner, packets, pictures, planes, write_film

pytestmark = pytest.mark.film

MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"  # DCI-P3, D65
HDR10 = (9, 9, 16, 1)  # BT.2020 with PQ


def hdr_of(path):
    """(the red primary's x, the highest luminance, MaxCLL, MaxFALL) as a player is told them."""
    data = {entry.type.name: bytes(entry) for entry in pictures(path)[0][1].side_data}
    numbers = np.frombuffer(data["MASTERING_DISPLAY_METADATA"], np.int32)
    light = np.frombuffer(data["CONTENT_LIGHT_LEVEL"], np.uint32)
    return numbers[0] / numbers[1], numbers[18] / numbers[19], *light.tolist()


@pytest.mark.parametrize("codec", ["hevc", "h264"])
def test_static_hdr_metadata_is_carried_over(tmp_path, models, codec):
    options = {"x264-params": f"mastering-display={MASTERING}:cll=1000,400"}
    source = write_film(tmp_path / "in.mkv", [bars(i) for i in range(8)], tags=HDR10,
                        pix_fmt="yuv420p10le", sound=False, options=options)  # fmt: skip
    assert hdr_of(source) == (0.68, 1000, 1000, 400)
    ran = limner("colorize", source, "-o", tmp_path / "out.mp4", "--codec", codec, models=models)
    assert ran.returncode == 0 and "HDR" not in ran.stderr, ran.stderr
    assert hdr_of(tmp_path / "out.mp4") == (0.68, 1000, 1000, 400)
    ran = limner("colorize", source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", models=models)
    assert ran.returncode == 0 and "static HDR metadata" in ran.stderr


def comb(luma):
    """How much neighbouring rows differ beyond what rows two apart do."""
    rows = luma.astype(np.float32)
    return np.abs(np.diff(rows, axis=0)).mean() - np.abs(rows[2:] - rows[:-2]).mean()


def test_interlaced_frames_are_made_whole_and_that_is_said(tmp_path, models):
    frames = []
    for number in range(30):
        frame = bars(4 * number, 96, 64)
        frame[1::2] = bars(4 * number + 2, 96, 64)[1::2]  # the second field, half a frame later
        frames.append(frame)
    source = write_film(tmp_path / "tv.mkv", frames, options={"x264-params": "interlaced=1:tff=1"})
    assert all(frame.interlaced_frame for _, frame in pictures(source))
    target = tmp_path / "new.mkv"
    command = ["colorize", source, "-o", target, "--codec", "ffv1", "--segment", "8"]
    ran = limner(*command, models=models)
    assert ran.returncode == 0, ran.stderr
    assert "interlaced" in ran.stderr
    before, after = pictures(source), pictures(target)
    assert [round(t, 3) for t, _ in after] == [round(t, 3) for t, _ in before]
    assert not any(frame.interlaced_frame for _, frame in after)
    combed, whole = comb(planes(before[10][1])[0]), comb(planes(after[10][1])[0])
    assert combed > 5 and whole < 0.2 * combed
    assert planes(after[10][1])[1].std() > 5


def test_progressive_films_are_left_alone(tmp_path, models):
    source = write_film(tmp_path / "old.mkv", [bars(i) for i in range(6)], sound=False)
    ran = limner("colorize", source, "-o", tmp_path / "new.mkv", models=models)
    assert ran.returncode == 0 and "interlaced" not in ran.stderr


def with_attachments(path, cover):
    """A film with a font and a cover; Matroska."""
    with av.open(str(path), "w") as film:
        video = film.add_stream("libx264", rate=24, width=64, height=48)
        video.pix_fmt = "yuv420p"
        film.add_attachment("letters.ttf", "application/x-truetype-font", b"a font" * 9)
        film.add_attachment("cover.jpg", "image/jpeg", cover)
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(bars(number), "gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            film.mux(video.encode(frame))
        film.mux(video.encode(None))
    return path


def carried(path):
    """(covers' bytes, attached files by name) of a film."""
    with av.open(str(path)) as film:
        covers = [s for s in film.streams.video if s.disposition & 1024]
        files = {s.metadata["filename"]: bytes(s.data) for s in film.streams
                 if s.type == "attachment"}  # fmt: skip
        found = [bytes(p) for p in film.demux(covers) if p.size] if covers else []
    return found, files


def test_covers_and_attached_files_go_along(tmp_path, models):
    cover = cv2.imencode(".jpg", np.full((32, 32, 3), (40, 90, 200), np.uint8))[1].tobytes()
    source = with_attachments(tmp_path / "old.mkv", cover)
    ran = limner("colorize", source, "-o", tmp_path / "new.mkv", models=models)
    assert ran.returncode == 0 and "left out" not in ran.stderr, ran.stderr
    assert carried(tmp_path / "new.mkv") == ([cover], {"letters.ttf": b"a font" * 9})
    assert len(pictures(tmp_path / "new.mkv")) == 6
    ran = limner("colorize", source, "-o", tmp_path / "new.mp4", models=models)
    assert ran.returncode == 0, ran.stderr
    assert "letters.ttf does not go into .mp4 and was left out" in ran.stderr
    assert "The cover (mjpeg) does not go into .mp4" in ran.stderr
    assert carried(tmp_path / "new.mp4") == ([], {})
    assert len(pictures(tmp_path / "new.mp4")) == 6


def test_a_second_film_stream_is_left_out_and_named(tmp_path, models):
    source = tmp_path / "two.mkv"
    with av.open(str(source), "w") as film:
        streams = [film.add_stream("ffv1", rate=24, width=64, height=48) for _ in range(2)]
        for stream in streams:
            stream.pix_fmt = "yuv420p"
        for number in range(4):
            for scene, stream in enumerate(streams):
                frame = av.VideoFrame.from_ndarray(bars(number, scene=scene), "gray")
                frame = frame.reformat(format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 24)
                film.mux(stream.encode(frame))
        for stream in streams:
            film.mux(stream.encode(None))
    ran = limner("colorize", source, "-o", tmp_path / "new.mkv", models=models)
    assert ran.returncode == 0, ran.stderr
    assert "The video stream 1 (ffv1)" in ran.stderr and "left out" in ran.stderr


def test_films_in_folders_are_made_with_the_pictures(tmp_path, models):
    source, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.json"
    (source / "reels").mkdir(parents=True)
    cv2.imwrite(str(source / "scan.png"), bars(0))
    write_film(source / "reels" / "one.mp4", [bars(i) for i in range(6)])
    write_film(source / "reels" / "two.avi", [bars(i) for i in range(6)], codec="mpeg4")
    (source / "reels" / "bad.mkv").write_bytes(b"no film")
    (source / "gone.mkv.limner").mkdir()
    write_film(source / "gone.mkv.limner" / "segment-00000.nut", [bars(0)] * 3, sound=False)
    command = ["colorize", source, "-o", out, "--report", report]
    ran = limner(*command, models=models)
    assert ran.returncode == 1 and "bad.mkv" in ran.stderr
    made = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*") if p.is_file())
    assert [name for name in made if not name.startswith(".")] == [
        "reels/one.mp4", "reels/two.mkv", "scan.png"]  # fmt: skip
    assert len(pictures(out / "reels/one.mp4")) == 6 and packets(out / "reels/one.mp4", "audio")
    assert json.loads(report.read_text())["counts"] == {"done": 3, "skipped": 0, "failed": 1}
    again = limner(*command, models=models)
    assert json.loads(report.read_text())["counts"] == {"done": 0, "skipped": 3, "failed": 1}
    assert again.returncode == 1


def test_a_folder_of_films_alone_with_the_results_beside_them(tmp_path, models):
    write_film(tmp_path / "a.mp4", [bars(i) for i in range(4)])
    assert limner("colorize", tmp_path, models=models).returncode == 0
    assert limner("colorize", tmp_path, models=models).returncode == 0  # results are no sources
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.colorized.mp4", "a.mp4"]
