"""The source files of the repository, for the style checks."""

import os

CODE = (".h", ".hpp", ".c", ".cpp")
FOLDERS = ("app", "core", "packaging", "plugins", "resources", "sample-data", "tests", "views")


def code_files(root):
    """Paths of all C and C++ files below the known folders, relative to root, sorted."""
    found = []
    for folder in FOLDERS:
        for path, folders, files in os.walk(os.path.join(root, folder)):
            folders[:] = [name for name in folders if not name.startswith("build")]
            found += [os.path.relpath(os.path.join(path, name), root) for name in files if name.endswith(CODE)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def finish(problems, what):
    """Prints the problems and gives the exit status."""
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problem(s)")
    return 1 if problems else 0
