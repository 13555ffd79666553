"""Kills the window in the middle of a session and brings the session back. Needs xvfb-run around it.

kill_and_reopen_test.py QUANTOSCOPE QSCOPE
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

QUANTOSCOPE, QSCOPE = sys.argv[1:3]


class KillAndReopen(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory(prefix="qs-kill-")
        self.addCleanup(self.home.cleanup)

    def start(self, *arguments):
        environment = {**os.environ, "HOME": self.home.name, "XDG_DATA_HOME": self.home.name,
                       "XDG_CONFIG_HOME": self.home.name}
        process = subprocess.Popen([QUANTOSCOPE, *arguments], env=environment, cwd=self.home.name)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for_session(self, process, other_than=None):
        """The folder in which a run was saved."""
        end = time.monotonic() + 200
        while time.monotonic() < end:
            self.assertIsNone(process.poll(), "the window ended by itself")
            for run in pathlib.Path(self.home.name).glob("**/sessions/*/run-1.qscope"):
                if run.parent != other_than:
                    return run.parent
            time.sleep(0.2)
        return self.fail("no run was saved while the window was open")

    def runs(self, folder):
        output = subprocess.run([QSCOPE, "project", folder, "--json"], stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(output.stdout)["runs"]

    def test_help_needs_no_display(self):
        environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "QT_QPA_PLATFORM")}
        for option, text in (("--help", "--screenshot"), ("--version", "quantoscope")):
            answer = subprocess.run([QUANTOSCOPE, option], env=environment, stdout=subprocess.PIPE, text=True, check=True)
            self.assertIn(text, answer.stdout)

    def test_a_killed_session_comes_back(self):
        first = self.start("--sample", "glyph-cnn", "--run")
        killed = self.wait_for_session(first)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = self.runs(killed)
        self.assertEqual(len(before), 1)
        self.assertGreater(before[0]["sqnr"], 20)

        second = self.start("--reopen")
        restored = self.wait_for_session(second, other_than=killed)
        end = time.monotonic() + 60
        while killed.exists() and time.monotonic() < end:
            time.sleep(0.2)
        self.assertFalse(killed.exists(), "what was brought back and saved again may go")
        self.assertEqual(self.runs(restored), before)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
