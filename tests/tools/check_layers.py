#!/usr/bin/env python3
"""Checks who includes whom (core/README.md, Module order) and where third-party headers may appear.

usage: check_layers.py REPOSITORY
"""

import fnmatch
import os
import re
import sys

import sources

# Each module may include itself and those before it.
CORE_ORDER = ["base", "tensor", "numeric", "quant", "graph", "hardware", "io", "exec", "gradient", "distill", "transform", "metrics",
              "analysis", "plugin", "session", "export", "figure"]

# What a folder may include of the repository, besides its own files. The first match counts.
MAY_INCLUDE = [
    ("plugins/sdk/*", []),
    ("plugins/*", ["core/base/", "core/tensor/", "core/numeric/", "plugins/"]),
    ("core/*", ["core/"]),
    ("views/*", ["views/", "core/"]),
    ("app/*", ["app/", "views/", "core/"]),
    ("tests/*", [""]),
]

# Plugins may be built without this tree, so their own headers lie beside them.
BUILT_OUTSIDE = ["plugins/*", "tests/plugin/fixtures/*"]

# Third-party headers that must stay in few files: what they hide is replaced by changing those files only.
CONTAINED = [
    (r"hdf5.*\.h$", ["core/io/hdf5_*", "tests/*"]),
    (r"onnx/|google/protobuf/", ["core/io/*onnx_*.cpp", "core/export/*onnx_*.cpp", "tests/*"]),
    (r"(oneapi/dnnl/)?dnnl", ["core/exec/onednn_*.cpp"]),
    (r"imgui", ["views/canvas/*", "views/*_canvas.cpp", "tests/gl/*"]),
    (r"qcustomplot\.h$", ["views/*.cpp", "tests/views/*.cpp"]),
    (r"oneapi/tbb/", ["core/base/parallel.cpp"]),
    (r"cairo", ["core/figure/*.cpp"]),
    (r"openssl/", ["core/base/content_hash.cpp"]),
    (r"Q[A-Z]|Qt", ["views/*", "app/*", "tests/views/*", "tests/gl/*", "tests/support/*"]),
]

TOP_LEVEL = set(sources.FOLDERS) | {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def check_repository_include(root, path, target):
    """The problem with including a file of ours, or None."""
    own = os.path.dirname(path) + "/"
    if not os.path.exists(os.path.join(root, target)):
        outside = matches(path, BUILT_OUTSIDE) and os.path.exists(os.path.join(root, own + target))
        return None if outside else "is not a path from the repository root"
    allowed = next((allowed for pattern, allowed in MAY_INCLUDE if fnmatch.fnmatch(path, pattern)), [])
    if not any(target.startswith(prefix) for prefix in allowed + [own]):
        return "belongs to a layer that this one must not know"
    if path.startswith("core/") and target.startswith("core/"):
        module, used = path.split("/")[1], target.split("/")[1]
        if module not in CORE_ORDER:
            return f"core/{module} has no place in the order of modules"
        if used not in CORE_ORDER or CORE_ORDER.index(used) > CORE_ORDER.index(module):
            return f"comes after core/{module} in the order of modules"
    return None


def check_file(root, path):
    problems = []
    for quote, target in INCLUDE.findall(sources.read(root, path)):
        problem = None
        if quote == '"':
            problem = check_repository_include(root, path, target)
        else:
            for pattern, allowed in CONTAINED:
                if re.match(pattern, target) and not matches(path, allowed):
                    problem = "is allowed only in " + ", ".join(allowed)
            if path.startswith("plugins/sdk/include/") and target.startswith("core/"):
                problem = "the SDK stands alone"
        if problem:
            problems.append(f"{path}: {target} {problem}")
    return problems


def check_top_level(root):
    unknown = [name for name in sorted(os.listdir(root))
               if not name.startswith((".", "build")) and name not in TOP_LEVEL]
    return [f"{name}: not one of the known files and folders of the repository root" for name in unknown]


def main():
    root = sys.argv[1]
    problems = check_top_level(root)
    for path in sources.code_files(root):
        problems += check_file(root, path)
    return sources.finish(problems, "layers")


if __name__ == "__main__":
    sys.exit(main())
