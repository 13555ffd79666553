#!/usr/bin/env python3
"""Checks that clang-format 14 (Debian 12's; others break lines differently) would change no file.

usage: check_format.py REPOSITORY      exit status 77: there is no clang-format 14
"""

import re
import shutil
import subprocess
import sys

import sources

SKIPPED = 77


def clang_format():
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program and re.search(r"version 14\.", subprocess.check_output([program, "--version"], text=True)):
            return program
    return None


def main():
    root = sys.argv[1]
    program = clang_format()
    if not program:
        print("format: clang-format 14 is not installed")
        return SKIPPED
    run = subprocess.run([program, "--dry-run", "--ferror-limit=1"] + sources.code_files(root), cwd=root, text=True,
                         stderr=subprocess.PIPE, check=False)
    changed = sorted(set(re.findall(r"^([^\s:]+):\d+:\d+: (?:warning|error): code should be clang-formatted",
                                    run.stderr, re.MULTILINE)))
    return sources.finish([f"{path}: run clang-format -i on it" for path in changed], "format")


if __name__ == "__main__":
    sys.exit(main())
