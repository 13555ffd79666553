import json

from cli_case import *

FEW = ["--eval", GLYPHS_EVAL, "--eval-samples", "16"]


class Sensitivity(CliCase):
    def test_more_bits_hurt_less(self):
        document = self.run_qscope("sensitivity", CNN, *FEW, "--bits", "2,8", "--layers", r"m\.f.*", "--json").json()
        self.assertEqual((document["bits"], document["samples"]), ([2, 8], 16))
        self.assertGreater(len(document["layers"]), 0)
        for layer in document["layers"]:
            self.assertLess(layer["2"]["model"]["sqnr_db"] + 10, layer["8"]["model"]["sqnr_db"])

    def test_text_shows_the_chosen_metric(self):
        text = self.run_qscope("sensitivity", CNN, *FEW, "--bits", "4", "--layers", r"m\.fc", "--metric", "kl").out
        self.assert_says(text, "KL", "nats", "4 bit", "lower is better")

    def test_method_that_learns_needs_calibration(self):
        arguments = ["sensitivity", CNN, *FEW, "--bits", "4", "--layers", r"m\.fc", "--method", "gptq", "--json"]
        self.assert_says(self.run_qscope(*arguments, code=USAGE).err, "--calib")
        document = self.run_qscope(*arguments, "--calib", GLYPHS, "--calib-samples", "16").json()
        self.assertIn("4", document["layers"][0])

    def test_memory_limit_makes_groups_and_the_same_table(self):
        arguments = ["sensitivity", VIT, *FEW, "--calib", GLYPHS, "--calib-samples", "16", "--bits", "4", "--method", "gptq"]
        free = self.run_qscope(*arguments, "--json").json()
        self.assertNotIn("calibration_memory", free)
        outcome = self.run_qscope(*arguments, "--memory-limit", "26", "--json")
        kept = outcome.json()
        memory = kept.pop("calibration_memory")
        self.assertEqual(kept, free)
        self.assertEqual((memory["limit_bytes"], memory["passes"]), (26 << 20, memory["groups"]))
        self.assertGreater(memory["groups"], 1)
        self.assertLessEqual(memory["peak_bytes"], 26 << 20)
        self.assert_says(outcome.err, "groups of layers", "limit 26.0 MiB")
        outcome = self.run_qscope(*arguments, "--memory-limit", "1", code=BAD_INPUT)
        self.assert_says(outcome.err, "calibration needs", "Raise the memory limit")

    def test_a_recipe_with_transforms_is_measured_in_the_transformed_model(self):
        weight = {"method": "rtn", "bits": 3, "granularity": "tensor"}
        plain = {"quantoscope-recipe": 1, "name": "p", "rules": [{"layers": ".*", "weight": weight}]}
        smooth = {**plain, "transforms": [{"method": "smoothquant", "parameters": {"insert_operators": True}}]}
        few = ["sensitivity", VIT, *FEW, "--calib", GLYPHS, "--calib-samples", "16", "--bits", "3"]
        tables = []
        for name, recipe in (("plain", plain), ("smooth", smooth)):
            file = self.file(name + ".json", json.dumps(recipe))
            tables.append(self.run_qscope(*few, "--recipe", file, "--json").json())
        self.assertEqual([table["transforms"] for table in tables], ["", "smoothquant"])
        self.assertEqual(tables[0]["float"]["top1"], tables[1]["float"]["top1"])
        self.assertNotEqual(tables[0]["layers"], tables[1]["layers"])
        text = self.run_qscope(*few, "--recipe", self.folder / "smooth.json").out
        self.assert_says(text, "smoothquant", "in the transformed model")

    def test_recipe_file_says_how_each_layer_is_quantized(self):
        few = ["sensitivity", CNN, *FEW, "--bits", "3", "--layers", r"m\.fc", "--json"]
        recipe = self.folder / "tensor.json"
        recipe.write_text('{"quantoscope-recipe": 1, "name": "t", "rules": [{"layers": ".*", "weight":'
                          ' {"method": "rtn", "bits": 8, "granularity": "tensor"}}]}')
        by_file = self.run_qscope(*few, "--recipe", recipe).out
        self.assertEqual(by_file, self.run_qscope(*few, "--granularity", "tensor").out)
        self.assertNotEqual(by_file, self.run_qscope(*few).out)
        self.run_qscope(*few, "--recipe", recipe, "--granularity", "tensor", code=USAGE)

    def test_needs_data(self):
        self.assert_says(self.run_qscope("sensitivity", CNN, code=USAGE).err, "--eval")

    def test_unknown_layer_metric_and_missing_operator(self):
        self.assert_says(self.run_qscope("sensitivity", CNN, *FEW, "--layers", "nothing", code=USAGE).err, "nothing")
        self.assert_says(self.run_qscope("sensitivity", CNN, *FEW, "--layers", "(", code=USAGE).err, "regular expression")
        self.run_qscope("sensitivity", CNN, *FEW, "--metric", "beauty", code=USAGE)


if __name__ == "__main__":
    main()
