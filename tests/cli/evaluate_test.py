import onnx_writer
from cli_case import *


class Evaluate(CliCase):
    def test_accuracy_of_the_float_model(self):
        document = self.run_qscope("evaluate", CNN, "--eval", GLYPHS_EVAL, "--json").json()
        self.assertEqual(document["samples"], 1000)
        self.assertAlmostEqual(document["float"]["top1"], 99.1, delta=0.15)

    def test_perplexity_of_the_language_model(self):
        outcome = self.run_qscope("evaluate", LLAMA, "--eval", TEXT_EVAL, "--json").json()
        self.assertAlmostEqual(outcome["float"]["perplexity"], 3.568, delta=0.002)

    def test_exported_model_against_the_recipe_that_made_it(self):
        exported, recipe = self.folder / "w8.onnx", self.folder / "r.json"
        data = ["--calib", GLYPHS, "--calib-samples", "32", "--eval", GLYPHS_EVAL, "--eval-samples", "64"]
        report = self.run_qscope("quantize", CNN, *data, "--convention", "s2", "--activations", "int8", "--quick",
                                 "--export", exported, "--save-recipe", recipe, "--json").json()
        replayed = self.run_qscope("evaluate", CNN, *data, "--recipe", recipe, "--json").json()
        self.assertEqual(replayed["quantized"], report["quantized"])
        against = self.run_qscope("evaluate", CNN, *data[4:], "--against", exported, "--json").json()
        self.assertEqual(against["other"]["top1"], report["quantized"]["top1"])
        self.assertAlmostEqual(against["other"]["sqnr_db"], report["quantized"]["sqnr_db"], delta=0.5)

    def test_text(self):
        text = self.run_qscope("evaluate", CNN, "--eval", GLYPHS_EVAL, "--eval-samples", "10", "--against", CNN).out
        self.assert_says(text, "10 samples", "Top-1 accuracy", "glyph-cnn.onnx")

    def test_models_that_cannot_be_compared(self):
        outcome = self.run_qscope("evaluate", CNN, "--eval", GLYPHS_EVAL, "--eval-samples", "4", "--against", LLAMA,
                                  code=BAD_INPUT)
        self.assert_says(outcome.err, "error:")
        self.run_qscope("evaluate", CNN, "--eval", GLYPHS_EVAL, "--against", CNN, "--recipe", "r.json", code=USAGE)

    def test_missing_operator_is_unsupported(self):
        path = self.file("wobble.onnx", onnx_writer.model(
            [onnx_writer.node("Wobble", ["image"], ["y"], "wobbly", "com.example")],
            [onnx_writer.value("image", ["n", 3, 32, 32])], [onnx_writer.value("y", ["n", 2])], domains=["com.example"]))
        self.assert_says(self.run_qscope("evaluate", path, "--eval", GLYPHS_EVAL, code=UNSUPPORTED).err, "Wobble", "wobbly")


if __name__ == "__main__":
    main()
