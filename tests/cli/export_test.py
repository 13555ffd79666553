from cli_case import *


class Export(CliCase):
    def test_weights_only_needs_no_data(self):
        output = self.folder / "w8.onnx"
        report = self.run_qscope("export", CNN, "--convention", "s2", "-o", output, "--json").json()
        self.assertEqual(report["bytes"], output.stat().st_size)
        self.assertEqual(report["float_layers"], [])
        self.assertLess(report["worst_weight_difference"], 1e-6)
        layers = self.run_qscope("info", output, "--json").json()["layers"]
        self.assertTrue(all("DequantizeLinear, int8" in layer["stored_as"] for layer in layers), layers)

    def test_same_recipe_gives_same_bytes_as_quantize(self):
        recipe, first, second = (self.folder / name for name in ("r.json", "a.onnx", "b.onnx"))
        data = ["--calib", GLYPHS, "--calib-samples", "16"]
        self.run_qscope("quantize", CNN, *data, "--method", "gptq", "--bits", "8", "--activations", "int8", "--quick",
                        "--export", first, "--save-recipe", recipe)
        self.run_qscope("export", CNN, *data, "--recipe", recipe, "-o", second)
        self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_help_lists_formats_and_options(self):
        self.assert_says(self.run_qscope("export", "--help").out, "onnx-qdq", "Formats:")

    def test_wrong_format_option_and_path(self):
        self.run_qscope("export", CNN, "-o", self.folder / "x.onnx", "--format", "papyrus", code=USAGE)
        self.run_qscope("export", CNN, "-o", self.folder / "x.onnx", "--option", "nonsense=1", code=USAGE)
        self.run_qscope("export", CNN, "-o", self.folder / "none" / "x.onnx", code=IO)
        self.run_qscope("export", CNN, "-o", self.folder, code=IO)
        self.assertEqual(self.files(), [])

    def test_failed_export_keeps_the_old_file(self):
        old = self.file("old.onnx", "precious")
        self.run_qscope("export", CNN, "--layers", "nothing", "-o", old, code=USAGE)
        self.assertEqual(old.read_text(), "precious")


if __name__ == "__main__":
    main()
