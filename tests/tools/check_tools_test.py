#!/usr/bin/env python3
"""Tests of the style checks: each must find what it is there for."""

import os
import tempfile
import unittest

import check_layers
import check_sizes


class TreeTest(unittest.TestCase):
    """Tests on a temporary tree of files."""

    def tree(self, files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for path, text in files.items():
            full = os.path.join(folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return folder.name


class LayersTest(TreeTest):
    def problems(self, path, include, others=()):
        files = {other: "" for other in others}
        files[path] = f"#include {include}\n"
        return check_layers.check_file(self.tree(files), path)

    def test_core_modules_are_ordered(self):
        self.assertEqual(self.problems("core/quant/a.cpp", '"core/tensor/b.h"', ["core/tensor/b.h"]), [])
        self.assertIn("comes after", self.problems("core/tensor/a.cpp", '"core/quant/b.h"', ["core/quant/b.h"])[0])
        self.assertIn("no place", self.problems("core/new/a.cpp", '"core/base/b.h"', ["core/base/b.h"])[0])

    def test_layers_do_not_look_up(self):
        self.assertIn("must not know", self.problems("core/base/a.cpp", '"views/b.h"', ["views/b.h"])[0])
        self.assertIn("must not know", self.problems("views/x/a.cpp", '"app/b.h"', ["app/b.h"])[0])
        self.assertIn("must not know", self.problems("plugins/x/a.cpp", '"core/quant/b.h"', ["core/quant/b.h"])[0])
        self.assertEqual(self.problems("plugins/x/a.cpp", '"core/numeric/b.h"', ["core/numeric/b.h"]), [])
        self.assertIn("not a path", self.problems("core/base/a.cpp", '"b.h"', ["core/base/b.h"])[0])

    def test_third_party_headers_stay_in_their_files(self):
        self.assertEqual(self.problems("core/io/hdf5_file.cpp", "<hdf5.h>"), [])
        for path, include in [("core/io/other.cpp", "<hdf5.h>"), ("core/exec/x.cpp", "<oneapi/dnnl/dnnl.hpp>"),
                              ("core/base/x.cpp", "<QString>"), ("views/x_dock.h", "<qcustomplot.h>"),
                              ("views/x_dock.cpp", "<imgui.h>"), ("core/graph/x.cpp", "<onnx/onnx_pb.h>")]:
            self.assertIn("allowed only in", self.problems(path, include)[0])

    def test_unknown_top_level_entries_are_named(self):
        self.assertEqual(check_layers.check_top_level(self.tree({"core/a.h": "", "build/x": ""})), [])
        self.assertIn("scripts", check_layers.check_top_level(self.tree({"scripts/a.py": ""}))[0])


class SizesTest(TreeTest):
    def lengths(self, text):
        return list(check_sizes.functions(text))

    def test_bodies_are_counted_from_brace_to_brace(self):
        self.assertEqual(self.lengths("int f() {\n  return 1;\n}\n"), [(1, 3)])
        self.assertEqual(self.lengths("namespace a {\nstruct B {\n  void f() const {\n  }\n  int x = 0;\n};\n}\n"), [(3, 2)])
        self.assertEqual(self.lengths("void f() {\n auto g = [] {\n };\n for (;;) {\n }\n}\n"), [(1, 6)])

    def test_braces_that_are_no_code_do_not_count(self):
        self.assertEqual(self.lengths('void f() {\n // }\n g("}", \'}\', R"(\n})");\n /* } */\n}\n'), [(1, 6)])
        self.assertEqual(self.lengths("#define X {\nint a[] = {1, 2};\nvoid f() {}\n"), [(3, 1)])

    def test_long_files_and_functions_are_named(self):
        long_function = "void f() {\n" + "x();\n" * 80 + "}\n"
        root = self.tree({"core/a.cpp": long_function, "tests/a.cpp": long_function, "core/b.h": "\n" * 801})
        self.assertIn("core/a.cpp:1: function of 82 lines", check_sizes.check_file(root, "core/a.cpp")[0])
        self.assertEqual(check_sizes.check_file(root, "tests/a.cpp"), [])
        self.assertIn("801 lines", check_sizes.check_file(root, "core/b.h")[0])


if __name__ == "__main__":
    unittest.main()
