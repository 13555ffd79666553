"""What the end-to-end tests share: run qscope, look at exit code, text and JSON."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

QSCOPE = os.environ["QSCOPE"]
SOURCE = pathlib.Path(os.environ["QS_SOURCE"])
SAMPLES = SOURCE / "sample-data"
PLUGINS = pathlib.Path(os.environ["QS_FIXTURE_PLUGINS"])

CNN = SAMPLES / "glyph-cnn.onnx"
VIT = SAMPLES / "glyph-vit.onnx"
LLAMA = SAMPLES / "tiny-llama.onnx"
GLYPHS = SAMPLES / "glyph-calib.h5"
GLYPHS_EVAL = SAMPLES / "glyph-eval.h5"
TEXT = SAMPLES / "tiny-llama-calib.h5"
TEXT_EVAL = SAMPLES / "tiny-llama-eval.h5"

OK, FAILED, USAGE, BAD_INPUT, UNSUPPORTED, IO, CANCELLED = 0, 1, 2, 3, 4, 5, 130


class Outcome:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def json(self):
        return json.loads(self.out)


class CliCase(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="qscope_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_qscope(self, *arguments, code=OK, env=None):
        """Runs qscope; the exit code must be `code`. A crash (negative code) never passes."""
        process = subprocess.run([QSCOPE, *map(str, arguments)], capture_output=True, text=True, timeout=600,
                                 env={**os.environ, **(env or {})}, check=False)
        outcome = Outcome(process)
        self.assertEqual(outcome.code, code, f"{arguments}\nstdout: {outcome.out[-1500:]}\nstderr: {outcome.err[-1500:]}")
        return outcome

    def file(self, name, content=b""):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_says(self, text, *parts):
        for part in parts:
            self.assertIn(str(part), text)

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())


def main():
    unittest.main(verbosity=1)
