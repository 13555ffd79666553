import onnx_writer
from cli_case import *

TEXT_SAMPLE = ["--eval", TEXT_EVAL, "--sample", "2"]


class Attention(CliCase):
    def test_heads_of_a_language_model(self):
        document = self.run_qscope("attention", LLAMA, *TEXT_SAMPLE, "--json").json()
        self.assertEqual(document["sample"], 2)
        self.assertEqual(len(document["attention"]), 4)
        first = document["attention"][0]
        self.assertEqual((first["attention"], first["causal"], first["queries"]), ("layers.0.self_attn", True, 128))
        self.assertEqual((len(first["heads"]), len(first["kv_heads"]), first["scale"]), (4, 2, 0.125))
        head = first["heads"][0]["float"]
        self.assertAlmostEqual(sum(head["accumulated_saliency"]), 128, places=3)
        self.assertAlmostEqual(sum(head["distance_profile"]), 1, places=9)
        self.assertAlmostEqual(head["accumulated_saliency"][100] / 28, head["normalized_saliency"][100], places=9)
        self.assertNotIn("quantized", first["heads"][0])
        # Token importance: queries x heads x layers.
        self.assertAlmostEqual(sum(document["token_importance"]), 128 * 4 * 4, places=2)

    def test_a_recipe_adds_the_quantized_model(self):
        recipe = SOURCE / "resources" / "recipes" / "w4-rtn.json"
        outcome = self.run_qscope("attention", LLAMA, *TEXT_SAMPLE, "--recipe", recipe, "--json").json()
        for layer in outcome["attention"]:
            for head in layer["heads"]:
                self.assertGreater(head["difference"]["relative_l1"], 0)
                self.assertGreater(head["difference"]["cosine"], 0.9)
                self.assertAlmostEqual(sum(head["quantized"]["accumulated_saliency"]), 128, places=3)
        self.assertIn("quantized_keys", outcome["attention"][0]["kv_heads"][0])

    def test_text_names_layers_and_numbers(self):
        text = self.run_qscope("attention", VIT, "--calib", GLYPHS).out
        self.assert_says(text, "m.blocks.3.attn", "65 × 65", "entropy", "sink")
        self.assertNotIn("rel. L1", text)

    def test_a_model_without_attention_says_what_was_looked_for(self):
        outcome = self.run_qscope("attention", CNN, "--eval", GLYPHS_EVAL, code=UNSUPPORTED)
        self.assert_says(outcome.err, "no attention", "MatMul", "Softmax")
        path = self.file("classifier.onnx", onnx_writer.model(
            [onnx_writer.node("MatMul", ["x", "w"], ["h"], "fc"), onnx_writer.node("Softmax", ["h"], ["y"], "probability")],
            [onnx_writer.value("x", ["n", 2])], [onnx_writer.value("y", ["n", 2])],
            [onnx_writer.tensor("w", [2, 2], [1, 2, 3, 4])]))
        outcome = self.run_qscope("render", "attention", path, "--calib", GLYPHS, "-o", self.folder / "x.png", code=BAD_INPUT)
        self.assert_says(outcome.err, "x")

    def test_wrong_usage(self):
        self.assert_says(self.run_qscope("attention", VIT, code=USAGE).err, "--eval")
        self.assert_says(self.run_qscope("attention", VIT, "--eval", GLYPHS_EVAL, "--sample", "1000", code=USAGE).err,
                         "0 to 999")
        outcome = self.run_qscope("render", "attention", VIT, "--calib", GLYPHS, "--attention", "m.blocks.9.attn",
                                  "-o", self.folder / "x.png", code=USAGE)
        self.assert_says(outcome.err, "m.blocks.9.attn", "m.blocks.0.attn")
        self.assertEqual(self.files(), [])

    def test_pictures(self):
        recipe = SOURCE / "resources" / "recipes" / "w4-rtn.json"
        for name, arguments in {"all.png": [], "one.png": ["--attention", "m.blocks.1.attn", "--recipe", recipe],
                                "x.svg": ["--theme", "dark"], "x.pdf": []}.items():
            path = self.folder / name
            self.run_qscope("render", "attention", VIT, "--calib", GLYPHS, "--calib-samples", "8", *arguments, "-o", path)
            self.assertGreater(path.stat().st_size, 8000)


if __name__ == "__main__":
    main()
