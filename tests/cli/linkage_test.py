import subprocess

from cli_case import *


class Linkage(CliCase):
    def test_qscope_does_not_link_qt(self):
        libraries = subprocess.run(["ldd", QSCOPE], capture_output=True, text=True, check=True).stdout
        self.assertIn("libc.so", libraries)
        self.assertNotIn("Qt", libraries)


if __name__ == "__main__":
    main()
