#!/usr/bin/env python3
"""Checks that files and functions stay small enough to read: hard stops, not goals (see core/README.md).

usage: check_sizes.py REPOSITORY
"""

import re
import sys

import sources

MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 80

# Comments, strings and characters: braces inside them mean nothing.
NOT_CODE = re.compile(
    r'R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|//[^\n]*|/\*.*?\*/'
    r"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.DOTALL | re.MULTILINE)
# What opens a block that holds functions instead of being one.
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def without_comments(text):
    return NOT_CODE.sub(lambda match: "\n" * match.group().count("\n"), text)


def functions(text):
    """(line, lines) of every outermost function body; lambdas count as part of the function around them."""
    text = without_comments(text)
    depth_of_function, start, open_scopes = None, 0, []
    head = 0  # where the text before the next brace begins
    for match in re.finditer(r"[{};]", text):
        position, char = match.start(), match.group()
        if char == "{":
            before = text[head:position]
            if depth_of_function is None and "(" in before and not SCOPE.search(before.split("(")[0]):
                depth_of_function, start = len(open_scopes), position
            open_scopes.append(position)
        elif char == "}":
            if open_scopes:
                open_scopes.pop()
            if depth_of_function is not None and len(open_scopes) == depth_of_function:
                first = text.count("\n", 0, start) + 1
                yield first, text.count("\n", start, position) + 1
                depth_of_function = None
        head = match.end()


def check_file(root, path):
    text = sources.read(root, path)
    problems = []
    if text.count("\n") > MAX_FILE_LINES:
        problems.append(f"{path}: {text.count(chr(10))} lines; the limit is {MAX_FILE_LINES}")
    if path.startswith("tests/"):
        return problems  # the tables of tests may be long
    for line, lines in functions(text):
        if lines > MAX_FUNCTION_LINES:
            problems.append(f"{path}:{line}: function of {lines} lines; the limit is {MAX_FUNCTION_LINES}")
    return problems


def main():
    root = sys.argv[1]
    problems = []
    for path in sources.code_files(root):
        problems += check_file(root, path)
    return sources.finish(problems, "sizes")


if __name__ == "__main__":
    sys.exit(main())
