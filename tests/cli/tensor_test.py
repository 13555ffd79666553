import onnx_writer
from cli_case import *


class Tensor(CliCase):
    def small(self, weights, rows, cols):
        return self.file("small.onnx", onnx_writer.linear(weights, rows, cols, shape=("n", rows)))

    def test_facts_of_a_hand_made_layer(self):
        # Stored [in, out] = [2, 2]; as [out, in] it is [[0.7, 0.31], [-0.2, -0.08]]. One scale: 0.7 / 7.
        model = self.small([0.7, -0.2, 0.31, -0.08], 2, 2)
        options = ["--bits", "4", "--granularity", "tensor", "--convention", "s2"]
        document = self.run_qscope("tensor", model, "--layer", "fc", *options, "--at", "0,1", "--at", "1,0", "--json").json()
        self.assertEqual(document["shape"], [2, 2])
        first, second = document["cells"]
        self.assertEqual((first["row"], first["column"], first["code"], first["bits"]), (0, 1, 3, "0011"))
        self.assertEqual(first["stored_index"], [1, 0])
        self.assertAlmostEqual(first["value"], 0.31)
        self.assertAlmostEqual(first["scale"], 0.1)
        self.assertAlmostEqual(first["error_in_steps"], -0.1, places=5)
        self.assertAlmostEqual(first["block"]["mean"], 0.1825)
        self.assertAlmostEqual(first["block"]["sqnr_db"], 31.0209, places=3)
        self.assertEqual(second["bits"], "1110")
        text = self.run_qscope("tensor", model, *options, "--at", "0,1").out
        self.assert_says(text, "fc: 2 outputs × 2 inputs, int4 s2, per tensor", "code in bits     0011", "31.02 dB")

    def test_worst_cells(self):
        few = ["--layer", "m.fc", "--bits", "3", "--json"]
        cells = self.run_qscope("tensor", CNN, *few, "--worst", "20").json()["cells"]
        errors = [abs(cell["error"]) for cell in cells]
        self.assertEqual(len(cells), 20)
        self.assertEqual(errors, sorted(errors, reverse=True))
        self.assertEqual(len(self.run_qscope("tensor", CNN, *few).json()["cells"]), 3)

    def test_convolutions_name_channel_and_kernel(self):
        document = self.run_qscope("tensor", CNN, "--layer", "m.stem.stem.0", "--at", "4,14", "--json").json()
        self.assertEqual(document["cells"][0]["input_channel"], 1)
        self.assertEqual(document["cells"][0]["kernel"], [1, 2])

    def test_layers_that_stay_in_float(self):
        recipe = self.file("r.json", '{"quantoscope-recipe": 1, "name": "x", "rules": [{"layers": "m.fc", "weight":'
                                     ' {"method": "rtn", "bits": 4, "granularity": "channel"}}]}')
        outcome = self.run_qscope("tensor", CNN, "--recipe", recipe, "--layer", "m.last.last.0", "--at", "0,0")
        self.assert_says(outcome.out, "not quantized")
        self.assertNotIn("scale", outcome.out)

    def test_wrong_usage(self):
        self.assert_says(self.run_qscope("tensor", CNN, "--at", "3;4", code=USAGE).err, "ROW,COLUMN")
        self.assert_says(self.run_qscope("tensor", CNN, "--layer", "m.fx", code=USAGE).err, "m.fc")
        self.assert_says(self.run_qscope("tensor", CNN, "--layer", "m.fc", "--at", "36,0", code=USAGE).err, "36 rows and 192")

    def test_weights_that_are_not_numbers(self):
        model = self.small([1, float("nan"), 2, 3], 2, 2)
        outcome = self.run_qscope("tensor", model, "--at", "1,0", code=FAILED)
        self.assert_says(outcome.out, "NaN", "row not finite")


if __name__ == "__main__":
    main()
