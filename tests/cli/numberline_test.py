import struct

import onnx_writer
from cli_case import *


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


class NumberLine(CliCase):
    # X8 of the format tests: as one column of weights.
    VALUES = [0.11, -0.52, 0.98, -1.37, 2.05, -3.3, 0.04, 0.66]

    def setUp(self):
        super().setUp()
        self.model = self.file("eight.onnx", onnx_writer.linear(self.VALUES, 8, 1, shape=("n", 8)))

    def test_published_errors_of_one_group(self):
        document = self.run_qscope("numberline", self.model, "--layer", "fc", "--format",
                                   "int4-s2,int4-asymmetric,nf4", "--format", "mxfp4", "--json").json()
        expected = {"int4-s2": 0.010244, "int4-asymmetric": 0.008842, "nf4": 0.012311, "mxfp4": 0.0165}
        self.assertEqual(document["count"], 8)
        self.assertEqual([entry["format"] for entry in document["formats"]], list(expected))
        for entry in document["formats"]:
            self.assertAlmostEqual(entry["mse"], expected[entry["format"]], 6)
            self.assertEqual(sum(entry["values_per_point"]), 8)
            self.assertEqual(entry["best"], entry["format"] == "int4-asymmetric")

    def test_clip_range_splits_the_error(self):
        document = self.run_qscope("numberline", self.model, "--clip=-1,1", "--format", "int8-s2", "--json").json()
        (entry,) = document["formats"]
        self.assertEqual(entry["clip"], [-1, 1])
        clipped = [float32(x) for x in self.VALUES if abs(x) > 1]
        self.assertAlmostEqual(entry["clipped_share"], len(clipped) / 8)
        self.assertAlmostEqual(entry["clipping_error"], sum((abs(x) - 1) ** 2 for x in clipped), 5)

    def test_best_range_is_no_worse_than_min_max(self):
        full = self.run_qscope("numberline", CNN, "--json").json()["formats"]
        best = self.run_qscope("numberline", CNN, "--range-rule", "best", "--json").json()["formats"]
        for before, after in zip(full, best):
            self.assertLessEqual(after["mse"], before["mse"] * (1 + 1e-12))

    def test_rules_of_integer_grids_take_the_integers_among_the_usual_formats(self):
        document = self.run_qscope("numberline", CNN, "--range-rule", "mse", "--json").json()
        self.assertEqual([entry["format"] for entry in document["formats"]], ["int4-s2", "int4-asymmetric"])

    def test_slices(self):
        whole = self.run_qscope("numberline", CNN, "--json").json()
        channel = self.run_qscope("numberline", CNN, "--channel", 1, "--json").json()
        group = self.run_qscope("numberline", CNN, "--channel", 1, "--group", "0:4", "--json").json()
        self.assertLess(channel["count"], whole["count"])
        self.assertEqual(group["count"], 4)
        normalized = self.run_qscope("numberline", CNN, "--normalized", "--json").json()
        self.assertEqual(max(normalized["max"], -normalized["min"]), 1)

    def test_activations(self):
        outcome = self.run_qscope("numberline", CNN, "--of", "activation", "--calib", GLYPHS, "--calib-samples", 4,
                                  "--format", "int8-asymmetric")
        self.assert_says(outcome.out, "Input of", "int8-asymmetric", "calibration tokens")
        outcome = self.run_qscope("numberline", CNN, "--of", "activation", code=USAGE)
        self.assert_says(outcome.err, "--calib")

    def test_not_finite_values_are_counted_and_told(self):
        path = self.file("nan.onnx", onnx_writer.linear([1, float("nan"), float("inf"), -2], 2, 2))
        outcome = self.run_qscope("numberline", path)
        self.assert_says(outcome.out, "2 values", "1 NaN and 1 Inf are left out")

    def test_zero_weights(self):
        path = self.file("zero.onnx", onnx_writer.linear([0, 0, 0, 0], 2, 2))
        for entry in self.run_qscope("numberline", path, "--json").json()["formats"]:
            self.assertEqual((entry["mse"], entry["used_points"]), (0, 1))

    def test_wrong_usage_names_what_is_wrong(self):
        for arguments, text in ((["--format", "int9-s2"], "int9-s2"), (["--clip=1,0"], "LO <= HI"),
                                (["--clip=0"], "--clip"), (["--range-rule", "kl", "--format", "nf4"], "integer grids"),
                                (["--range-rule", "minmax:3"], "percentile"), (["--group", "7"], "N:SIZE"),
                                (["--layer", "conv99"], "no layer 'conv99'")):
            self.assert_says(self.run_qscope("numberline", CNN, *arguments, code=USAGE).err, text)

    def test_picture(self):
        for suffix, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
            path = self.folder / f"line.{suffix}"
            self.run_qscope("render", "numberline", VIT, "--format", "nf4,int4-s2", "--range-rule", "best", "-o", path)
            self.assertTrue(path.read_bytes().startswith(start))


    def test_table_of_the_picture(self):
        path = self.folder / "line.csv"
        self.run_qscope("render", "numberline", self.model, "--format", "nf4,int4-s2", "-o", path)
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        self.assertEqual(lines[0], "from,to,values,squared error of NF4,squared error of INT4 symmetric (s2)")
        rows = [[float(cell) for cell in line.split(",")] for line in lines[1:]]
        self.assertEqual(sum(row[2] for row in rows), 8)
        self.assertAlmostEqual(sum(row[3] for row in rows) / 8, 0.012311, 6)


if __name__ == "__main__":
    main()
