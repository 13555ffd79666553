import onnx_writer
from cli_case import *


class Stats(CliCase):
    def test_numbers_of_a_known_weight(self):
        # Output channels are the columns: [1, 3] and [2, -8].
        path = self.file("linear.onnx", onnx_writer.linear([1, 2, 3, -8], 2, 2))
        (weight,) = self.run_qscope("stats", path, "--json").json()["weights"]
        self.assertEqual((weight["layer"], weight["count"], weight["min"], weight["max"]), ("fc", 4, -8, 3))
        self.assertAlmostEqual(weight["mean"], -0.5)
        self.assertAlmostEqual(weight["standard_deviation"] ** 2, 77 / 4)
        self.assertAlmostEqual(weight["outlier_score"], 8 / 5.5)
        self.assertEqual(weight["zero_channels"], 0)

    def test_nan_weights_are_counted_and_reported_with_layer_and_index(self):
        path = self.file("nan.onnx", onnx_writer.linear([1, float("nan"), float("inf"), 0], 2, 2))
        outcome = self.run_qscope("stats", path, "--json")
        (weight,) = outcome.json()["weights"]
        self.assertEqual((weight["nan"], weight["inf"], weight["count"]), (1, 1, 2))
        self.assert_says(outcome.err, "fc", "NaN", "[0, 1]")

    def test_zero_channels(self):
        path = self.file("zero.onnx", onnx_writer.linear([1, 0, 3, 0], 2, 2))
        outcome = self.run_qscope("stats", path, "--json")
        self.assertEqual(outcome.json()["weights"][0]["zero_channels"], 1)
        self.assert_says(outcome.err, "info:", "fc", "zero")

    def test_activations_need_calibration(self):
        document = self.run_qscope("stats", CNN, "--json").json()
        self.assertNotIn("activations", document)
        document = self.run_qscope("stats", CNN, "--calib", GLYPHS, "--calib-samples", "8", "--json").json()
        self.assertEqual(document["calibration"]["samples"], 8)
        self.assertEqual(len(document["activations"]), len(document["weights"]))
        first = document["activations"][0]
        self.assertEqual((first["channels"], first["tokens"]), (3, 8 * 32 * 32))
        self.assertGreater(first["max"], first["min"])

    def test_only_the_layers_asked_for(self):
        everything = self.run_qscope("stats", CNN, "--calib", GLYPHS, "--calib-samples", "8", "--json").json()
        first, last = everything["weights"][0], everything["weights"][-1]
        some = self.run_qscope("stats", CNN, "--calib", GLYPHS, "--calib-samples", "8", "--layer", last["layer"],
                               "--layer", first["layer"], "--json").json()
        self.assertEqual(some["weights"], [last, first])
        self.assertEqual([entry["layer"] for entry in some["activations"]], [first["layer"], last["layer"]])
        outcome = self.run_qscope("stats", CNN, "--layer", "nothing", code=USAGE)
        self.assert_says(outcome.err, "nothing")

    def test_text_table(self):
        text = self.run_qscope("stats", CNN).out
        self.assert_says(text, "kurtosis", "outlier score", "NaN")

    def test_model_that_cannot_run_still_has_weights(self):
        path = self.file("wobble.onnx", onnx_writer.with_missing_operator())
        self.assertEqual(self.run_qscope("stats", path, "--json").json()["weights"][0]["mean"], 2.5)


if __name__ == "__main__":
    main()
