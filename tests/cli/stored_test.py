from cli_case import *

CHECKPOINTS = SOURCE / "tests" / "golden" / "checkpoints"


class Stored(CliCase):
    def quantized(self, *options):
        """An export of the sample CNN, and the report of the run that was exported."""
        model, report = self.folder / "q.onnx", self.folder / "r.json"
        self.run_qscope("quantize", CNN, "--bits", "4", "--granularity", "group", "--group-size", "8", "--quick",
                        "--export", model, "--report", report, *options)
        return model, json.loads(report.read_text())

    def test_an_export_brings_its_run_and_no_errors(self):
        model, report = self.quantized()
        read = self.run_qscope("stored", model, "--json").json()
        self.assertTrue(read["complete"])
        self.assertEqual(len(read["layers"]), len(report["layers"]))
        for own, stored in zip(report["layers"], read["layers"]):
            self.assertEqual(own["layer"], stored["layer"])
            self.assertEqual(stored["state"], "quantized")
            self.assertEqual(stored["method"], "file")
            self.assertAlmostEqual(own["bits_per_weight"]["effective"], stored["bits_per_weight"]["effective"])
            for key in ("weight_error", "output_error", "in_network"):
                self.assertNotIn(key, stored)
        text = self.run_qscope("stored", model).out
        self.assert_says(text, "Errors are not available", "DequantizeLinear, ", "effective bits per weight")
        self.assertNotIn("exact", text)

    def test_against_the_original_errors_are_those_of_the_run(self):
        model, report = self.quantized("--calib", GLYPHS, "--calib-samples", "32")
        read = self.run_qscope("stored", model, "--original", CNN, "--calib", GLYPHS, "--json").json()
        for own, stored in zip(report["layers"], read["layers"]):
            self.assertEqual(own["weight_error"], stored["weight_error"])
            self.assertIn("in_network", stored)
        self.assertGreater(read["quantized"]["sqnr_db"], 5)

    def test_info_tells_codes_of_every_layer(self):
        model, _ = self.quantized()
        layer = self.run_qscope("info", model, "--json").json()["layers"][0]
        self.assertIn("DequantizeLinear", layer["stored_as"])
        self.assertEqual(layer["quantization"]["bits"], 4)
        self.assertNotIn("quantization", self.run_qscope("info", CNN, "--json").json()["layers"][0])

    def test_tensor_shows_the_codes_of_the_file(self):
        model, _ = self.quantized()
        asked = ("tensor", model, "--layer", "m.fc", "--at", "2,11", "--json")
        made = self.run_qscope("tensor", CNN, "--bits", "4", "--granularity", "group", "--group-size", "8", *asked[2:]).json()
        alone = self.run_qscope(*asked).json()
        beside = self.run_qscope(*asked, "--original", CNN).json()
        self.assertIn("DequantizeLinear, ", alone["stored_as"])
        self.assertIsNone(made["stored_as"])
        for document in (alone, beside):
            for key in ("code", "bits", "scale", "zero_point", "dequantized"):
                self.assertEqual(document["cells"][0][key], made["cells"][0][key])
        self.assertIsNone(alone["cells"][0]["error"])
        self.assertNotIn("sqnr_db", alone["cells"][0]["block"])
        self.assertEqual(beside["cells"][0], made["cells"][0])
        self.assert_says(self.run_qscope("tensor", model).out, "Errors are not available", "not available")
        self.assertIsNone(self.run_qscope(*asked, "--bits", "3").json()["stored_as"])
        picture = self.folder / "codes.svg"
        self.run_qscope("render", "tensor", model, "--layer", "m.fc", "--of", "codes", "-o", picture)
        self.assertTrue(picture.exists())
        self.assert_says(self.run_qscope("render", "tensor", model, "--layer", "m.fc", "--of", "error", "-o", picture,
                                         code=USAGE).err, "no errors")

    def test_tensor_says_why_it_cannot_compare(self):
        model, _ = self.quantized()
        self.assert_says(self.run_qscope("tensor", model, "--worst", "3", code=USAGE).err, "--original FILE")
        self.assert_says(self.run_qscope("tensor", CNN, "--original", CNN, code=USAGE).err, "holds none")
        self.assert_says(self.run_qscope("tensor", model, "--bits", "3", "--original", CNN, code=USAGE).err, "recipe")

    def test_checkpoints_open_as_folders(self):
        for name, words in {"gptq-4-actorder": "GPTQ, uint4, blocks of 8, act-order", "awq": "AWQ, uint4, blocks of 8",
                            "nvfp4": "NVFP4", "fp8-block": "blocks of 8 x 8"}.items():
            self.assert_says(self.run_qscope("stored", CHECKPOINTS / name).out, words, "layers.0.self_attn.q_proj")

    def test_a_stored_run_is_kept_in_a_project(self):
        model, _ = self.quantized()
        project = self.folder / "p.qscope"
        self.run_qscope("stored", model, "--project", project)
        self.assert_says(self.run_qscope("project", project).out, "stored in q.onnx")

    def test_what_holds_no_codes_is_refused(self):
        self.assert_says(self.run_qscope("stored", CNN, code=UNSUPPORTED).err, "holds no quantized weight")
        model, _ = self.quantized()
        self.assert_says(self.run_qscope("stored", model, "--calib", GLYPHS, code=USAGE).err, "--original")
        self.run_qscope("stored", model, "--original", VIT, code=USAGE)


if __name__ == "__main__":
    main()
