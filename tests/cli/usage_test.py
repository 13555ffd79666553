import re

import subprocess

from cli_case import *

COMMANDS = ["info", "stats", "calibrate", "quantize", "sensitivity", "evaluate", "export", "render", "plugins"]


class Usage(CliCase):
    def test_help_names_every_command_and_exit_code(self):
        text = self.run_qscope("--help").out
        self.assert_says(text, *COMMANDS)
        self.assert_says(text, "Exit codes:", "130")

    def test_every_command_has_help(self):
        for command in COMMANDS:
            self.assert_says(self.run_qscope(command, "--help").out, "--json", "--help")

    def test_readme_and_help_agree_on_exit_codes(self):
        readme = dict(re.findall(r"^\| (\d+) \| (.*) \|$", (SOURCE / "README.md").read_text(), re.M))
        told = dict(re.findall(r"^  (\d+) +(.*)$", self.run_qscope("--help").out, re.M))
        self.assertEqual(readme, told)

    def test_wrong_usage_is_exit_code_2(self):
        for arguments in [[], ["nonsense"], ["info"], ["info", CNN, "--nonsense"], ["quantize", CNN, "--bits", "99"],
                          ["quantize", CNN, "--method"], ["render", "nonsense", CNN, "-o", "x.png"],
                          ["quantize", CNN, "--granularity", "elephant"]]:
            outcome = self.run_qscope(*arguments, code=USAGE)
            self.assertEqual(outcome.out, "")
            self.assertNotEqual(outcome.err, "")

    def test_version(self):
        self.assertRegex(self.run_qscope("--version").out, r"^qscope \d+\.\d+\.\d+\n$")

    def test_full_output_device_is_an_io_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            code = subprocess.run([QSCOPE, "info", CNN], stdout=full, stderr=subprocess.DEVNULL, check=False).returncode
        self.assertEqual(code, IO)


if __name__ == "__main__":
    main()
