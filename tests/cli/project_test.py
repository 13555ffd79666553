import json
import shutil

from cli_case import *

FEW = ["--calib", GLYPHS, "--calib-samples", "16", "--eval-samples", "16", "--quick"]


class Project(CliCase):
    def quantize(self, project, bits, *more, code=0):
        return self.run_qscope("quantize", CNN, *FEW, "--bits", str(bits), "--project", project, *more, code=code)

    def test_runs_are_kept_and_taken_out_again(self):
        project, first = self.folder / "work.qscope", self.folder / "first.json"
        self.quantize(project, 8, "--report", first)
        self.quantize(project, 4)
        document = self.run_qscope("project", project, "--json").json()
        self.assertEqual([run["number"] for run in document["runs"]], [1, 2])
        self.assertEqual(document["runs"][1]["parent"], 1)
        self.assertGreater(document["runs"][0]["sqnr"], document["runs"][1]["sqnr"])
        self.assertEqual(document["sources"]["model"]["state"], "found")

        report, recipe, model = (self.folder / name for name in ("again.json", "recipe.json", "model.onnx"))
        text = self.run_qscope("project", project, "--run", "1", "--report", report, "--save-recipe", recipe,
                               "--export", model).out
        self.assert_says(text, "#2")
        self.assertEqual(report.read_bytes(), first.read_bytes())
        self.assertEqual(json.loads(recipe.read_text())["rules"][0]["weight"]["bits"], 8)
        self.assertGreater(model.stat().st_size, 1000)

    def test_runs_with_transforms_are_kept_exactly(self):
        project, direct, kept = (self.folder / name for name in ("work.qscope", "direct.onnx", "kept.onnx"))
        report, again = self.folder / "report.json", self.folder / "again.json"
        outcome = self.run_qscope("quantize", VIT, *FEW, "--bits", "4", "--activations", "int8", "--transform", "smoothquant",
                                  "--transform", "rotation", "--project", project, "--export", direct, "--report", report)
        self.assertNotIn("not kept", outcome.err)
        self.run_qscope("project", project, "--run", "1", "--export", kept, "--report", again)
        self.assertEqual(kept.read_bytes(), direct.read_bytes())
        self.assertEqual(again.read_bytes(), report.read_bytes())
        self.run_qscope("quantize", VIT, *FEW, "--bits", "8", "--project", project)
        runs = self.run_qscope("project", project, "--json").json()["runs"]
        self.assertEqual([run["number"] for run in runs], [1, 2])

    def test_sources_that_moved_or_changed(self):
        model, project = self.folder / "m.onnx", self.folder / "work.qscope"
        shutil.copy(CNN, model)
        self.run_qscope("quantize", model, "--bits", "4", "--project", project)
        moved = self.folder / "elsewhere.onnx"
        model.rename(moved)
        missing = self.run_qscope("project", project)
        self.assert_says(missing.out, "missing")
        self.assert_says(missing.out, "#1")
        self.assert_says(missing.err, "left out")
        self.run_qscope("project", project, "--run", "1", "--report", self.folder / "r.json", code=USAGE)
        found = self.run_qscope("project", project, "--model", moved, "--run", "1", "--report", self.folder / "r.json")
        self.assert_says(found.out, "given")
        shutil.copy(VIT, model)
        changed = self.run_qscope("project", project)
        self.assert_says(changed.out, "changed")
        self.assert_says(changed.err, "the model file has changed")
        self.assert_says(self.run_qscope("quantize", VIT, "--bits", "4", "--project", project, code=USAGE).err,
                         "another model")

    def test_bad_projects(self):
        project = self.folder / "work.qscope"
        self.run_qscope("quantize", CNN, "--bits", "4", "--project", project)
        whole = project.read_bytes()
        self.assertTrue(whole.startswith(b"Quantoscope project 1\n"))
        for length in (0, 30, 600, len(whole) // 2, len(whole) - 1):
            project.write_bytes(whole[:length])
            self.assert_says(self.run_qscope("project", project, code=BAD_INPUT).err, "work.qscope")
        self.run_qscope("project", GLYPHS, code=BAD_INPUT)
        self.run_qscope("project", "/nowhere.qscope", code=BAD_INPUT)
        self.run_qscope("quantize", CNN, "--bits", "4", "--project", "/nowhere/p.qscope", code=IO)


if __name__ == "__main__":
    main()
