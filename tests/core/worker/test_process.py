"""The real worker process, spoken to as the plug-in does: frames on its pipes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import __version__, protocol
from tests.fakes import onnx as fakes

ROOT = Path(__file__).parents[3]


class Worker:
    """A worker process over some folder of models."""

    def __init__(self, models, prelude=""):
        script = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{prelude}\n"
            "from pathlib import Path\nfrom core.worker.process import main\n"
            f"sys.exit(main((Path({str(models)!r}),)))"
        )
        command = [sys.executable, "-I", "-B", "-u", "-c", script]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.hello = protocol.read_header(self.process.stdout)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.stdout.read()
        self.log = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait(30)

    def send(self, pixels, model_format, filter="colorize", **changes):
        height, width = pixels.shape[:2]
        request = {
            "kind": "request",
            "id": 5,
            "filter": filter,
            "model": "",
            "device": "cpu",
            "params": {},
            "picture": {"width": width, "height": height, "format": model_format},
        }
        protocol.write_frame(self.process.stdin, {**request, **changes}, [pixels.tobytes()])

    def receive(self):
        """(progress messages, the one answer, its pixels)."""
        steps = []
        while (header := protocol.read_header(self.process.stdout))["kind"] == "progress":
            steps.append(header)
        return (
            steps,
            header,
            protocol.read_exactly(self.process.stdout, protocol.payload_size(header)),
        )

    def ask(self, *args, **kwargs):
        self.send(*args, **kwargs)
        return self.receive()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    fakes.constant_ab(folder / "grey")
    fakes.constant_ab(folder / "warm", 30.0, 30.0, default=True)
    fakes.identity(folder / "same")
    return folder


@pytest.fixture
def worker(models):
    with Worker(models) as worker:
        yield worker


def ramp(height=20, width=30, channels=3):
    values = np.linspace(0, 255, height * width * channels).astype(np.uint8)
    return values.reshape(height, width, channels)


def test_hello_says_who_is_there(worker):
    assert worker.hello["kind"] == "hello"
    assert worker.hello["protocol"] == protocol.PROTOCOL
    assert worker.hello["core"] == __version__
    same = {"id": "same", "task": "stylize", "title": "Same", "takes": ["picture"]}
    assert same in worker.hello["models"]
    wave = next(style for style in worker.hello["styles"] if style["id"] == "great-wave")
    assert wave["painter"] == "Katsushika Hokusai" and Path(wave["path"]).is_file()


def test_an_identity_model_gives_back_the_picture(worker):
    for model_format, channels in [("R'G'B' u8", 3), ("R'G'B'A u8", 4)]:
        pixels = ramp(channels=channels)
        steps, header, result = worker.ask(pixels, model_format, "stylize")
        assert header["kind"] == "result", header
        assert header["id"] == 5
        assert header["report"]["provider"] == "CPUExecutionProvider"
        assert result == pixels.tobytes()
        assert steps
        assert all(step["id"] == 5 and 0 <= step["fraction"] <= 1 for step in steps)


def test_a_style_picture_comes_beside_the_picture(tmp_path):
    fakes.any_style(tmp_path / "any")
    fakes.identity(tmp_path / "same", default=True)
    pixels, style = np.full((20, 30, 3), 100, np.uint8), np.full((5, 5, 4), 200, np.uint8)
    other = {"role": "style", "x": 3, "y": -9, "width": 5, "height": 5, "format": "R'G'B'A u8"}
    with Worker(tmp_path) as worker:
        for params, level in [({}, 200), ({"strength": 0.5}, 150)]:
            worker.send(Pair(pixels, style), "R'G'B' u8", "stylize", others=[other], params=params)
            _, header, result = worker.receive()
            assert header["kind"] == "result", header
            assert header["report"]["model"] == "any"  # the default takes no style
            assert header["report"]["brush_size"] == 1.0
            assert np.abs(np.frombuffer(result, np.uint8).astype(int) - level).max() <= 1
        _, header, _ = worker.ask(pixels, "R'G'B' u8", "stylize", model="any")
        assert (header["kind"], header["code"]) == ("failure", "bad_request")
        assert "needs a style picture" in header["sentence"]


class Pair:
    """A picture and another, as one payload."""

    def __init__(self, picture, other):
        self.shape, self.parts = picture.shape, (picture, other)

    def tobytes(self):
        return b"".join(part.tobytes() for part in self.parts)


def test_colour_and_style_in_one_request(worker):
    gray = np.full((40, 40, 1), 128, np.uint8)
    params = {"colorize": True}
    _, header, result = worker.ask(gray, "Y' u8", "stylize", model="same", params=params)
    assert header["kind"] == "result" and header["picture"]["format"] == "R'G'B' u8"
    red, green, blue = np.frombuffer(result, np.uint8)[:3]
    assert red > 140 > 120 > green > blue  # the default colouriser's orange


def test_a_colouriser_without_colour_gives_back_the_grey_picture(worker):
    grey = ramp(channels=1)
    _, header, result = worker.ask(grey, "Y' u8", model="grey")
    assert header["picture"] == {"width": 30, "height": 20, "format": "R'G'B' u8"}
    assert result == np.repeat(grey, 3, axis=2).tobytes()


def test_a_colouriser_with_colour_gives_a_coloured_picture(worker):
    _, header, result = worker.ask(np.full((20, 30, 3), 128, np.uint8), "R'G'B' u8")
    assert header["report"]["model"] == "warm"
    red, green, blue = result[:3]
    assert red > green > blue


def test_a_preview_is_inferred_once_and_equals_the_run_at_every_strength(worker):
    grey = ramp(channels=1)

    def asked(strength, **changes):
        params = {"strength": strength, "saturation": 1.5}
        _, header, result = worker.ask(grey, "Y' u8", params=params, **changes)
        return header["report"]["recalled"], result

    assert asked(1.0, preview=True)[0] is False
    recalled, previewed = asked(0.25, preview=True)
    assert recalled is True
    assert asked(0.25) == (False, previewed)


def test_another_picture_that_the_filter_does_not_take_is_refused(worker):
    other = {"role": "style", "x": 0, "y": 0, "width": 1, "height": 3, "format": "Y' u8"}
    request = {"kind": "request", "id": 5, "filter": "colorize", "model": "", "device": "cpu"}
    picture = {"width": 30, "height": 20, "format": "R'G'B' u8"}
    request |= {"params": {}, "picture": picture, "others": [other]}
    protocol.write_frame(worker.process.stdin, request, [ramp().tobytes(), b"abc"])
    _, header, _ = worker.receive()
    assert (header["kind"], header["code"]) == ("failure", "bad_request")
    assert "style" in header["sentence"]


def test_the_report_tells_whether_the_picture_was_colored_already(worker):
    stripes = np.repeat(np.array([[220, 40, 40], [40, 60, 220]], np.uint8), 10, axis=0)
    colored = np.repeat(stripes[:, None], 20, axis=1)
    for pixels, share in ((colored, 1.0), (ramp(channels=1).repeat(3, axis=2), 0.0)):
        _, header, _ = worker.ask(pixels, "R'G'B' u8")
        assert header["report"]["colored"] == share
        assert header["report"]["seconds"] >= 0
    _, header, _ = worker.ask(colored, "R'G'B' u8", "stylize")
    assert "colored" not in header["report"]


def test_one_worker_answers_many_requests_also_after_a_failure(worker):
    for model, kind in [("grey", "result"), ("none", "failure"), ("grey", "result")]:
        assert worker.ask(ramp(), "R'G'B' u8", model=model)[1]["kind"] == kind


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": "none"}, "model_missing"),
        ({"filter": "sharpen"}, "bad_request"),
        ({"params": {"strength": 2}}, "bad_request"),
        ({"params": {"strength": "full"}}, "bad_request"),
        ({"params": {"strength": float("nan")}}, "bad_request"),
        ({"params": {"glow": 1}}, "bad_request"),
        ({"device": "cuda"}, "device_unavailable"),
    ],
    ids=str,
)
def test_a_bad_request_is_a_failure_in_one_sentence(worker, changes, code):
    _, header, _ = worker.ask(ramp(), "R'G'B' u8", **changes)
    assert (header["kind"], header["code"]) == ("failure", code)
    assert header["sentence"].endswith(".")
    assert header["hint"].endswith(".")
    assert "Traceback" not in header["sentence"]


@pytest.mark.parametrize(
    ("pixels", "model_format"),
    [
        (np.zeros((1, 1, 3), np.uint8), "R'G'B' u8"),
        (np.zeros((20000, 1, 3), np.uint8), "R'G'B' u8"),
        (np.zeros((20, 20, 4), np.uint8), "R'G'B'A u8"),
        (np.full((20, 20, 3), np.nan, np.float32), "R'G'B' float"),
        (np.full((20, 20, 3), np.inf, np.float32), "R'G'B' float"),
    ],
    ids=["1x1", "1x20000", "transparent", "nan", "infinite"],
)
@pytest.mark.parametrize("task", ["colorize", "stylize"])
def test_a_picture_that_cannot_be_worked_on_is_a_sentence(worker, pixels, model_format, task):
    _, header, _ = worker.ask(pixels, model_format, task)
    assert (header["kind"], header["code"]) == ("failure", "image_unsupported")


def test_a_message_that_is_no_request_is_a_failure(worker):
    protocol.write_frame(
        worker.process.stdin, {"kind": "progress", "id": 5, "fraction": 0.5, "text": ""}
    )
    assert worker.receive()[1]["code"] == "bad_request"


def test_a_damaged_model_is_named(tmp_path):
    fakes.constant_ab(tmp_path / "photo")
    (tmp_path / "photo/model.onnx").write_bytes(b"not a model")
    with Worker(tmp_path) as worker:
        _, header, _ = worker.ask(ramp(), "R'G'B' u8")
    assert header["code"] == "model_corrupt"
    assert "Photo" in header["sentence"]


def test_a_bug_of_ours_becomes_a_sentence_and_a_traceback_in_the_log(models):
    bug = "import core.worker.service\ncore.worker.service.make_settings = lambda *a: 1 / 0"
    with Worker(models, bug) as worker:
        _, header, _ = worker.ask(ramp(), "R'G'B' u8")
    assert header["code"] == "internal"
    assert "Traceback" not in header["sentence"]
    assert "ZeroDivisionError" in worker.log


def test_what_a_library_prints_goes_to_the_log_not_into_the_frames(models):
    chatty = (
        "import core.worker.service, os\nreal = core.worker.service.make_settings\n"
        "def noisy(*a):\n"
        "    print('from Python'); os.write(1, b'from C'); return real(*a)\n"
        "core.worker.service.make_settings = noisy"
    )
    with Worker(models, chatty) as worker:
        assert worker.ask(ramp(), "R'G'B' u8")[1]["kind"] == "result"
    assert "from Python" in worker.log
    assert "from C" in worker.log


def test_it_ends_when_the_pipe_closes(models):
    with Worker(models) as worker:
        pass
    assert worker.process.returncode == 0


def test_it_ends_when_the_pipe_closes_in_the_middle_of_a_run(models):
    """GIMP kills the plug-in on Cancel; nobody is left to read the answer."""
    slow = (
        "import core.worker.service, time\n"
        "def forever(*a):\n"
        "    print('running', flush=True); time.sleep(600)\n"
        "core.worker.service.make_settings = forever"
    )
    with Worker(models, slow) as worker:
        worker.send(ramp(), "R'G'B' u8")
        assert worker.process.stderr.readline() == b"running\n"
        worker.process.stdin.close()
        assert worker.process.wait(60) == 0


def test_it_ends_when_the_frame_is_junk(models):
    with Worker(models) as worker:
        worker.process.stdin.write(b"hello there, this is no frame at all")
    assert worker.process.returncode == 0
    assert "not a frame" in worker.log


def test_a_frame_that_breaks_off_is_not_run(models):
    with Worker(models) as worker:
        worker.process.stdin.write(b"LMNR\x05")
    assert worker.process.returncode == 0


def test_a_second_request_may_wait_in_the_pipe(worker):
    worker.send(ramp(), "R'G'B' u8", id=1)
    worker.send(ramp(), "R'G'B' u8", id=2)
    assert worker.receive()[1]["id"] == 1
    assert worker.receive()[1]["id"] == 2


def send_with(worker, pixels, others, **changes):
    """Ask for a grey picture with others: (role, x, y, pixels R'G'B'A)."""
    request = {"kind": "request", "id": 5, "filter": "colorize", "model": "", "device": "cpu"}
    height, width = pixels.shape[:2]
    request |= {"params": {}, "picture": {"width": width, "height": height, "format": "Y' u8"}}
    request["others"] = [
        {"role": role, "x": x, "y": y, "width": p.shape[1], "height": p.shape[0],
         "format": "R'G'B'A u8"}
        for role, x, y, p in others
    ]  # fmt: skip
    payload = [pixels.tobytes(), *(p.tobytes() for *_, p in others)]
    protocol.write_frame(worker.process.stdin, {**request, **changes}, payload)
    return worker.receive()


def test_a_hint_colors_its_place(worker):
    grey = np.full((40, 60, 1), 120, np.uint8)
    hint = np.zeros((10, 10, 4), np.uint8)
    hint[2:8, 2:8] = (40, 60, 200, 255)
    _, header, result = send_with(worker, grey, [("hint", 20, 10, hint)])
    assert header["kind"] == "result", header
    assert header["report"]["hinted"] > 0
    pixels = np.frombuffer(result, np.uint8).reshape(40, 60, 3)
    red, green, blue = pixels[15, 25].astype(int)
    assert blue > red + 100 and blue > green + 100


def test_variants_are_layers_and_a_place_is_told_of(tmp_path):
    fakes.palette_ab(tmp_path / "choosing", ((60, 40), (-50, 40), (20, -60)), (1, 0.7, 0.2))
    grey = np.full((24, 30, 1), 120, np.uint8)
    with Worker(tmp_path) as worker:
        params = {"seed": 4, "variants": 3, "palette": []}
        _, header, result = send_with(worker, grey, [], params=params, at=[29, 23])
        assert [other["role"] for other in header["others"]] == ["variant", "variant"]
        assert len(result) == 3 * grey.size * 3
        assert len(header["report"]["likeliest"]) == 3
        assert 0 <= header["report"]["confidence"] <= 1
        for at in ([30, 0], [-1, 0], [1], "1,2", [1.5, 2], [True, 1], {}):
            _, header, _ = send_with(worker, grey, [], at=at)
            assert (header["kind"], header["code"]) == ("failure", "bad_request")
            assert "'at' is" in header["sentence"]


def test_a_preview_with_a_hint_is_recalled_and_equals_the_run(worker):
    grey = ramp(channels=1)
    hint = np.zeros((20, 30, 4), np.uint8)
    hint[5:9, 5:9] = (40, 60, 200, 255)

    def asked(strength, **changes):
        params = {"strength": strength}
        _, header, result = send_with(
            worker, grey, [("hint", 0, 0, hint)], params=params, **changes
        )
        return header["report"]["recalled"], result

    assert asked(1.0, preview=True)[0] is False
    recalled, previewed = asked(0.25, preview=True)
    assert recalled is True
    assert asked(0.25) == (False, previewed)
