import json

import onnx_writer
from cli_case import *

FEW = ["--calib", GLYPHS, "--calib-samples", "16"]


class Calibrate(CliCase):
    def test_ranges_of_every_rule(self):
        document = self.run_qscope("calibrate", CNN, *FEW, "--json").json()
        self.assertEqual((document["bits"], document["calibration"]["samples"]), (8, 16))
        for layer in document["layers"]:
            span = layer["max"] - layer["min"]
            exact = layer["minmax"]
            # The grid holds zero and its zero point is a whole code: within a step of what was seen.
            self.assertAlmostEqual(exact["low"], min(layer["min"], 0), delta=exact["scale"])
            self.assertAlmostEqual(exact["high"], max(layer["max"], 0), delta=exact["scale"])
            for rule in ("percentile", "mse", "kl"):
                self.assertLessEqual(layer[rule]["high"] - layer[rule]["low"], span + abs(layer["max"]) + 3 * exact["scale"])
                self.assertGreater(layer[rule]["scale"], 0)

    def test_percentiles_tell_how_far_they_may_be_off(self):
        for layer in self.run_qscope("calibrate", CNN, *FEW, "--percentile", "99.9", "--json").json()["layers"]:
            bound = layer["percentile"]["percentile_between"]
            self.assertLessEqual(bound["low"][0], bound["low"][1])
            self.assertLessEqual(bound["high"][0], bound["high"][1])
            self.assertLess(bound["high"][1] - bound["high"][0], (layer["max"] - layer["min"]) / 500)
            self.assertLessEqual(bound["high"][1], max(layer["max"], 0))
            for rule in ("minmax", "mse", "kl"):
                self.assertNotIn("percentile_between", layer[rule])

    def test_memory_limits_that_are_none(self):
        for limit in ("nan", "inf", "-1", "1e300", "much"):
            outcome = self.run_qscope("calibrate", CNN, *FEW, f"--memory-limit={limit}", code=USAGE)
            self.assert_says(outcome.err, f"'{limit}' is no number of MiB from 0 to 1073741824")

    def test_document_can_be_written(self):
        output = self.folder / "ranges.json"
        printed = self.run_qscope("calibrate", CNN, *FEW, "-o", output, "--json").json()
        self.assertEqual(json.loads(output.read_text()), printed)

    def test_unwritable_output(self):
        outcome = self.run_qscope("calibrate", CNN, *FEW, "-o", self.folder / "none" / "x.json", code=IO)
        self.assert_says(outcome.err, "none/x.json")

    def test_wrong_input_name_tells_all(self):
        outcome = self.run_qscope("calibrate", LLAMA, "--calib", GLYPHS, code=BAD_INPUT)
        self.assert_says(outcome.err, "input_ids", "image")

    def test_wrong_shape_and_type_tell_name_shapes_and_types(self):
        flat = self.file("flat.onnx", onnx_writer.linear([1, 2, 3, 4], 2, 2, name="image"))
        self.assert_says(self.run_qscope("calibrate", flat, "--calib", GLYPHS, code=BAD_INPUT).err, "image", "2",
                         "3, 32, 32", "float32", "uint8")
        words = self.file("words.onnx", onnx_writer.linear([1] * 64, 32, 2, shape=("n", 3, 32, 32), name="image",
                                                           dtype=onnx_writer.STRING))
        self.assert_says(self.run_qscope("calibrate", words, "--calib", GLYPHS, code=BAD_INPUT).err, "image", "string",
                         "uint8", "32")

    def test_calibration_that_is_no_hdf5(self):
        for name, content in [("text.h5", "no data"), ("short.h5", GLYPHS.read_bytes()[:3000]), ("model.h5", CNN.read_bytes())]:
            self.assert_says(self.run_qscope("calibrate", CNN, "--calib", self.file(name, content), code=BAD_INPUT).err, name)

    def test_missing_operator_stops_it(self):
        path = self.file("wobble.onnx", onnx_writer.linear([1, 2, 3, 4], 2, 2).replace(b"MatMul", b"WatMul"))
        self.assert_says(self.run_qscope("calibrate", path, "--calib", GLYPHS, code=BAD_INPUT).err, "x")


if __name__ == "__main__":
    main()
