import onnx_writer
from cli_case import *


class Divergence(CliCase):
    def divergence(self, *arguments, model=CNN, code=OK):
        return self.run_qscope("divergence", model, "--eval", GLYPHS_EVAL, "--samples", "8", *arguments, code=code)

    def test_first_divergence_is_the_first_node_below_the_threshold(self):
        document = self.divergence("--bits", "3", "--threshold", "15", "--json").json()
        self.assertEqual(document["samples"], 8)
        below = [node for node in document["nodes"] if node["accumulated_sqnr_db"] < 15]
        self.assertEqual(document["first_divergence"]["node"], below[0]["node"])
        self.assertIn(document["first_divergence"]["cause"], ["its own", "inherited"])
        for node in document["nodes"]:
            if not node["quantized"]:
                self.assertEqual(node["own_sqnr_db"], 150)
                self.assertEqual(node["inherited_sqnr_db"], node["accumulated_sqnr_db"])

    def test_only_the_broken_layer_has_an_error_of_its_own(self):
        document = self.divergence("--layers", "m.fc", "--bits", "2", "--threshold", "140", "--json").json()
        own = [node for node in document["nodes"] if node["own_sqnr_db"] < 150]
        self.assertEqual([node["layer"] for node in own], ["m.fc"])
        self.assertEqual(document["first_divergence"]["layer"], "m.fc")
        self.assertEqual(own[0]["inherited_sqnr_db"], 150)
        self.assertEqual(own[0]["own_sqnr_db"], own[0]["accumulated_sqnr_db"])

    def test_a_transformed_network_is_compared_with_itself_in_float(self):
        options = ["--calib", GLYPHS, "--calib-samples", "16", "--transform", "smoothquant:insert_operators=true"]
        document = self.divergence("--bits", "4", *options, "--json", model=VIT).json()
        self.assertEqual(document["transforms"], "smoothquant")
        self.assertGreater(document["added_nodes"], 0)
        plain = self.divergence("--bits", "4", "--json", model=VIT).json()
        self.assertEqual((plain["transforms"], plain["added_nodes"]), ("", 0))
        names, plain_names = ({node["node"] for node in d["nodes"]} for d in (document, plain))
        self.assertEqual(len(names - plain_names), document["added_nodes"])
        self.assertEqual(plain_names - names, set())
        quantized = [node for node in document["nodes"] if node["quantized"]]
        self.assertGreater(min(node["own_sqnr_db"] for node in quantized), 5, "activations differ by design otherwise")
        self.assert_says(self.divergence("--bits", "4", *options, model=VIT).out, "after the transforms", "smoothquant")

    def test_text(self):
        self.assert_says(self.divergence("--bits", "3", "--threshold", "15").out, "inherited", "accumulated", "first below 15 dB")
        self.assert_says(self.divergence("--bits", "8", "--threshold", "-10").out, "no node's output falls below")
        few = self.divergence("--bits", "4").out
        self.assertGreater(len(self.divergence("--bits", "4", "--all-nodes").out), len(few))

    def test_wrong_usage_and_models_that_cannot_run(self):
        self.assert_says(self.run_qscope("divergence", CNN, code=USAGE).err, "--eval")
        path = self.file("wobble.onnx", onnx_writer.model(
            [onnx_writer.node("MatMul", ["image", "w"], ["h"], "fc"),
             onnx_writer.node("Wobble", ["h"], ["y"], "wobbly", "com.example")],
            [onnx_writer.value("image", ["n", 3, 32, 32])], [onnx_writer.value("y", ["n", 2])],
            [onnx_writer.tensor("w", [32, 2], [0.5] * 64)], domains=["com.example"]))
        self.assert_says(self.divergence(model=path, code=UNSUPPORTED).err, "Wobble")


if __name__ == "__main__":
    main()
