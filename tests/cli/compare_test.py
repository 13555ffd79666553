import csv
import json

from cli_case import *

FEW = ["--calib", GLYPHS, "--calib-samples", "16", "--eval", GLYPHS_EVAL, "--eval-samples", "32"]


class Compare(CliCase):
    def recipe(self, name, method, bits):
        weight = {"method": method, "bits": bits}
        return self.file(name + ".json", json.dumps(
            {"quantoscope-recipe": 1, "name": name, "rules": [{"layers": ".*", "weight": weight}]}))

    def test_compares_and_says_what_differs(self):
        table = self.folder / "table.csv"
        arguments = ["compare", CNN, *FEW, "--recipe", self.recipe("eight", "rtn", 8), self.recipe("three", "rtn", 3)]
        document = self.run_qscope(*arguments, "--csv", table, "--json").json()
        eight, three = document["runs"]
        self.assertGreater(eight["sqnr"], three["sqnr"] + 10)
        self.assertGreater(eight["effective_bits"], three["effective_bits"] + 4)
        self.assertEqual(document["differences"], {"rules[0].weight.bits": ["8", "3"]})
        rows = list(csv.reader(table.read_text().splitlines()))
        self.assertEqual([row[0] for row in rows], ["recipe", "eight", "three"])
        self.assertIn("* ", self.run_qscope(*arguments).out)

    def test_same_numbers_as_quantize(self):
        recipe = self.recipe("gptq", "gptq", 4)
        both = self.run_qscope("compare", CNN, *FEW, "--recipe", self.recipe("rtn", "rtn", 4), recipe, "--json").json()
        alone = self.run_qscope("quantize", CNN, *FEW, "--quick", "--recipe", recipe, "--json").json()
        self.assertEqual(both["runs"][1]["kl"], alone["quantized"]["kl"])

    def test_a_run_with_transforms_leaves_the_others_as_they_are(self):
        rule = {"layers": ".*", "weight": {"method": "rtn", "bits": 8}, "activation": {"bits": 4}}
        plain = {"quantoscope-recipe": 1, "name": "plain", "rules": [rule]}
        smooth = {**plain, "name": "smooth", "transforms": [{"method": "smoothquant"}]}
        files = [self.file(recipe["name"] + ".json", json.dumps(recipe)) for recipe in (smooth, plain)]
        few = ["--calib", GLYPHS, "--calib-samples", "16", "--eval-samples", "16"]
        both = self.run_qscope("compare", VIT, *few, "--recipe", *files, "--json").json()["runs"]
        alone = self.run_qscope("quantize", VIT, *few, "--quick", "--recipe", files[1], "--json").json()
        self.assertEqual(both[1]["kl"], alone["quantized"]["kl"])
        self.assertNotEqual(both[0]["kl"], both[1]["kl"])

    def test_wrong_usage_and_files(self):
        good = self.recipe("good", "rtn", 8)
        self.run_qscope("compare", CNN, *FEW, "--recipe", good, code=USAGE)
        self.assert_says(self.run_qscope("compare", CNN, *FEW, "--recipe", good, "/nowhere.json", code=BAD_INPUT).err, "/nowhere.json")
        learns = self.recipe("gptq", "gptq", 4)
        self.assert_says(self.run_qscope("compare", CNN, "--recipe", good, learns, code=USAGE).err, "--calib")


if __name__ == "__main__":
    main()
