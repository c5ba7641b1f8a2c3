"""Films and folders measured: steadiness, speed, memory, throughput. Prints tables.

    python -m benchmarks.film                       everything
    python -m benchmarks.film steady --photos DIR   clips made of the photographs in a folder
    python -m benchmarks.film speed memory folder

steady: warping error is the mean change of a*, b* of a thing from one frame to the next, by the
clip's true motion, where the thing is seen in both; flicker is the mean second difference of the
whole frame's mean a*, b*; chroma the mean of sqrt(a*^2 + b*^2). Through the whole command, without
loss (FFV1). frames: the same of layers coloured together in GIMP, without OpenCV. speed, memory,
folder: of the command as a process of its own; what else runs on the machine shows in seconds of
the wall, and a little in those of the CPU.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.clips import Clip, make_clips
from core.color import spaces
from core.files.picture import SUFFIXES
from core.film.dis_flow import remap
from core.worker.service import Service

Array = np.ndarray
ROOT = Path(__file__).parents[1]
Reader = Callable[[av.VideoFrame], Array]
PARTS = ("steady", "style", "frames", "speed", "memory", "folder")

LONG_S = 75.0
"""A first pair of folders that took longer is not followed by a second."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.film",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART",
                        help=f"of {', '.join(PARTS)}; default: all")  # fmt: skip
    parser.add_argument("--photos", type=Path, default=ROOT / "examples",
                        help="folder of coloured photographs")  # fmt: skip
    parser.add_argument("--clips", type=int, default=4, help="how many clips (default 4)")
    parser.add_argument("--frames", type=int, default=72, help="of each clip (default 72)")
    parser.add_argument("--pictures", type=int, default=1000,
                        help="in the folder (default 1000)")  # fmt: skip
    parser.add_argument("--width", type=int, default=854)
    parser.add_argument("--height", type=int, default=480)
    options = parser.parse_args()
    if set(options.parts) - set(PARTS):
        parser.error(f"there are only the parts {', '.join(PARTS)}")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} cores{load}; PyAV {av.__version__}, OpenCV {cv2.__version__}")
    measures = {"steady": measure_steady, "style": measure_style, "frames": measure_frames,
                "speed": measure_speed, "memory": measure_memory,
                "folder": measure_folder}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="limner-bench-") as folder:
        for part in options.parts or PARTS:
            print(f"\n{part}")
            measures[part](options, Path(folder))
    return 0


def clips_of(options: argparse.Namespace) -> list[Clip]:
    photos = [p for p in sorted(options.photos.iterdir())
              if p.suffix.lower() in SUFFIXES and "grey" not in p.stem]  # fmt: skip
    size = (options.width, options.height)
    return list(make_clips(photos[: options.clips], options.frames, size))


def measure_steady(options: argparse.Namespace, folder: Path) -> None:
    """Colour: frame by frame against steady."""
    compare(clips_of(options), folder, "colorize", ab_of)


def measure_style(options: argparse.Namespace, folder: Path) -> None:
    """Style: frame by frame against steady, on short and small clips; L*, a*, b* count."""
    small = argparse.Namespace(**vars(options))
    small.width, small.height, small.frames, small.clips = 320, 180, 24, min(options.clips, 2)
    compare(clips_of(small), folder, "style", lab_of)


def measure_frames(options: argparse.Namespace, folder: Path) -> None:
    """An animation's layers, as GIMP's "All layers as frames" has them coloured: core.animation."""
    small = argparse.Namespace(**vars(options))
    small.width, small.height, small.frames, small.clips = 320, 180, 24, min(options.clips, 2)
    service = Service()
    print(f"  {'clip':24}{'':12}{'warping error':>15}{'flicker':>10}{'chroma':>9}")
    sums = {"alone": np.zeros(3), "steady": np.zeros(3)}
    clips = clips_of(small)
    for clip in clips:
        frames = [clip.grey(number) for number in range(clip.frames)]
        alone = [_asked(service, [frame]) for frame in frames]
        steady = np.split(_asked(service, frames), len(frames))
        for word, results in (("alone", alone), ("steady", steady)):
            values = [spaces.srgb_to_lab(pixels.astype(np.float32) / 255) for pixels in results]
            found = judged(clip, [np.ascontiguousarray(lab[..., 1:]) for lab in values])
            sums[word] += np.array(found) / len(clips)
            print(f"  {clip.name[:22]:24}{word:12}{found[0]:15.3f}{found[1]:10.3f}{found[2]:9.2f}")
    tell_change(sums["alone"], sums["steady"])


def _asked(service: Service, frames: list[Array]) -> Array:
    """Colours of grey frames, one below the other, from the worker's own service."""
    height, width = frames[0].shape
    picture = {"width": width, "height": height * len(frames), "format": "Y' u8"}
    request = {"filter": "colorize", "model": "", "device": "cpu", "params": {}}
    if len(frames) > 1:
        request["frames"] = len(frames)
    payload = bytearray(np.concatenate(frames).tobytes())
    answer, _ = service.run({**request, "picture": picture}, payload, lambda share, text: None)
    return answer.image.pixels


def compare(clips: list[Clip], folder: Path, command: str, read: Reader) -> None:
    print(f"  {'clip':24}{'':12}{'warping error':>15}{'flicker':>10}{'chroma':>9}")
    sums = {"0": np.zeros(3), "1": np.zeros(3)}
    for clip in clips:
        source = write_clip(clip, folder / f"{clip.name}.mkv")
        for steady in ("0", "1"):
            target = folder / f"{clip.name}.{steady}.mkv"
            limner(command, source, "-o", target, "--codec", "ffv1", "--steady", steady,
                   "--overwrite")  # fmt: skip
            found = measured(clip, target, read)
            sums[steady] += np.array(found) / len(clips)
            word = "steady" if steady == "1" else "alone"
            print(f"  {clip.name[:22]:24}{word:12}{found[0]:15.3f}{found[1]:10.3f}{found[2]:9.2f}")
    tell_change(sums["0"], sums["1"])


def tell_change(alone: Array, steady: Array) -> None:
    """Print the means of (warping error, flicker, chroma) and how they changed."""
    for found, word in ((alone, "alone"), (steady, "steady")):
        error, flicker, chroma = found
        print(f"  {'mean of the clips':24}{word:12}{error:15.3f}{flicker:10.3f}{chroma:9.2f}")
    error, flicker, chroma = steady / alone - 1
    print(f"  {'':24}{'change':12}{error:15.0%}{flicker:10.0%}{chroma:9.1%}")
    print(f"  {'':24}{'wanted':12}{'-30% or less':>15}{'':10}{'over -5%':>9}")


def measured(clip: Clip, path: Path, read: Reader) -> tuple[float, float, float]:
    """(warping error, flicker, chroma) of a film."""
    with av.open(str(path)) as film:
        return judged(clip, map(read, film.decode(video=0)))


def judged(clip: Clip, frames: Iterable[Array]) -> tuple[float, float, float]:
    """(warping error, flicker, chroma) of a clip's frames (H, W, n), the last of n being a*, b*."""
    errors, means, chromas = [], [], []
    before = None
    for number, values in enumerate(frames):
        means.append(values.reshape(-1, values.shape[2]).mean(axis=0))
        chromas.append(np.hypot(values[..., -2], values[..., -1]).mean())
        if before is not None:
            there, seen = clip.motion(number)
            moved = remap(before, there)
            change = np.sqrt(((values - moved) ** 2).sum(axis=2))
            errors.append(change[seen].mean())
        before = values
    flicker = np.abs(np.diff(np.array(means), n=2, axis=0)).mean()
    return float(np.mean(errors)), float(flicker), float(np.mean(chromas))


def lab_of(frame: av.VideoFrame) -> Array:
    """L*, a*, b* (H, W, 3) of what a player shows."""
    rgb = frame.reformat(format="rgb24", src_colorspace="itu709").to_ndarray()
    return spaces.srgb_to_lab(rgb.astype(np.float32) * np.float32(1 / 255))


def ab_of(frame: av.VideoFrame) -> Array:
    """a*, b* that the frame's chroma stands for, its luma put to middle grey: (H, W, 2).

    So that the source's grain, which is in the luma and stays, is not taken for colour's.
    """
    flat = frame.to_ndarray().copy()  # yuv420p: (H * 3 / 2, W), luma first
    flat[: frame.height] = 126
    grey = av.VideoFrame.from_ndarray(flat, "yuv420p")
    return np.ascontiguousarray(lab_of(grey)[..., 1:])


def write_clip(clip: Clip, path: Path, repeat: int = 1, codec: str = "libx264") -> Path:
    """The clip as a grey film with tags of BT.709."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=24, width=clip.size[0], height=clip.size[1])
        context = stream.codec_context
        context.pix_fmt = "yuv420p"
        context.options = {"crf": "14", "preset": "veryfast"}
        context.colorspace = context.color_primaries = context.color_trc = 1
        context.color_range = 1
        for number in range(clip.frames * repeat):
            place = number % (2 * clip.frames)
            place = place if place < clip.frames else 2 * clip.frames - 1 - place
            frame = av.VideoFrame.from_ndarray(clip.grey(place), "gray")
            frame = frame.reformat(format="yuv420p", src_color_range=2, dst_color_range=1)
            frame.pts, frame.time_base = number, Fraction(1, 24)
            film.mux(stream.encode(frame))  # pyright: ignore  (a named stream may be of sound)
        film.mux(stream.encode(None))
    return path


@dataclass
class Ran:
    """A finished command: seconds of wall and CPU, peak memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


def limner(*arguments: object) -> Ran:
    """Run the command. Raises RuntimeError with what it said."""
    script = (
        "import resource, runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n"
        "    runpy.run_module('core', run_name='__main__', alter_sys=True)\n"
        "finally:\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    print('peak', peak, file=sys.stderr)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-c", script, "core", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(wall, cpu, int(done.stderr.split()[-1]) / 1024)


def measure_speed(options: argparse.Namespace, folder: Path) -> None:
    """A 480p film with steadying."""
    clip = clips_of(options)[0]
    source = write_clip(clip, folder / "speed.mp4", 6)
    frames = clip.frames * 6
    print(f"  {'':28}{'frames/s':>10}{'CPU s/frame':>13}{'wall':>8}{'CPU':>8}{'wall/(CPU/2)':>14}")
    for name, more in (("colour, steady", []), ("colour, each alone", ["--steady", "0"])):
        ran = limner("colorize", source, "-o", folder / "out.mp4", "--overwrite", *more)
        print(f"  {name:28}{frames / ran.wall:10.1f}{ran.cpu / frames:13.4f}{ran.wall:7.1f}s"
              f"{ran.cpu:7.1f}s{ran.wall / (ran.cpu / 2):14.2f}")  # fmt: skip
    print(f"  {'wanted':28}{'4 or more':>10}{'':29}{'1.15 or less':>14}")


def measure_memory(options: argparse.Namespace, folder: Path) -> None:
    """Peak memory of a long film of tiny frames against a short one."""
    print(f"  {'frames':>8}{'peak memory':>14}")
    photos = clips_of(options)
    for frames in (1000, 10000):
        clip = Clip("tiny", photos[0].background, photos[0].foreground, (64, 48), 100, pan=(0.2, 0))
        source = write_clip(clip, folder / f"tiny{frames}.mp4", frames // 100)
        ran = limner("colorize", source, "-o", folder / "tiny-out.mp4", "--overwrite")
        print(f"  {frames:8}{ran.peak_mb:11.0f} MB")


def measure_folder(options: argparse.Namespace, folder: Path) -> None:
    """1,000 small pictures by one and by two processes of one thread, in alternating pairs.

    Where other work takes the cores, the wall tells of that work. So what two free cores would
    give is told beside it, from the seconds of CPU alone: twice those of one process by those of
    two. Both agree on a machine at rest.
    """
    scans = folder / "scans"
    scans.mkdir()
    clip = clips_of(options)[0]
    frames = [cv2.resize(clip.grey(number), (256, 192)) for number in range(clip.frames)]
    for number in range(options.pictures):
        cv2.imwrite(str(scans / f"{number:04d}.png"), frames[number % clip.frames])
    print(f"  {'processes':>10}{'pictures/s':>12}{'wall':>9}{'CPU':>9}{'wall/(CPU/processes)':>23}")
    sums = {1: np.zeros(2), 2: np.zeros(2)}
    begun = time.perf_counter()
    for order in ((1, 2), (2, 1)):
        for jobs in order:
            ran = limner("colorize", scans, "-o", folder / f"made{jobs}", "--jobs", jobs,
                         "--overwrite", "--device", "cpu")  # fmt: skip
            sums[jobs] += ran.wall, ran.cpu
            print(f"  {jobs:10}{options.pictures / ran.wall:12.1f}{ran.wall:8.1f}s{ran.cpu:8.1f}s"
                  f"{ran.wall / (ran.cpu / jobs):23.2f}", flush=True)  # fmt: skip
        if time.perf_counter() - begun > LONG_S:
            break  # one pair tells enough where a run takes minutes
    wall, cpu = sums[1] / sums[2]
    print(f"  {wall:.2f} times by the wall; {2 * cpu:.2f} times on two free cores, by the CPU "
          "seconds; wanted: 1.7 or more")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
