import csv
import json
import signal
import subprocess
import time

from cli_case import *

FEW = ["--calibration-samples", "16", "--evaluation-samples", "32"]


class Sweep(CliCase):
    def test_product_resume_and_formats(self):
        out = self.folder / "sweep.json"
        arguments = ["sweep", "--methods", "rtn,gptq", "--models", f"glyph-cnn,{VIT}", *FEW, "--out", out]
        first = self.run_qscope(*arguments, "--bits", "4")
        self.assert_says(first.out, "4 of 4 jobs", "glyph-cnn", "glyph-vit", "gptq", "Pareto")
        document = self.run_qscope(*arguments, "--bits", "8,4", "--json").json()
        self.assertEqual(document, json.loads(out.read_text()))
        self.assertEqual(len(document["results"]), 8)
        self.assertEqual({r["state"] for r in document["results"]}, {"done"})
        model = document["models"][0]
        self.assertEqual((model["calibration"]["samples"], model["evaluation"]["samples"]), (16, 32))
        self.assertEqual(len(model["sha256"]), 64)
        self.assert_says(self.run_qscope(*arguments, "--bits", "8,4").out, "0 of 8 jobs")

        show = ["sweep", "--show", out, "--format"]
        rows = list(csv.DictReader(self.run_qscope(*show, "csv").out.splitlines()))
        self.assertEqual([float(row["KL divergence [nats]"]) for row in rows], [r["values"]["kl"] for r in document["results"]])
        self.assert_says(self.run_qscope(*show, "markdown").out, "| glyph-vit | gptq | 4 |")
        self.assert_says(self.run_qscope(*show, "latex").out, "\\begin{tabular}", "\\bottomrule")

    def test_same_numbers_as_quantize(self):
        out = self.folder / "sweep.json"
        self.run_qscope("sweep", "--methods", "gptq", "--bits", "3", "--activation-bits", "8", "--granularity", "group",
                        "--group-size", "16", "--models", CNN, *FEW, "--out", out)
        swept = json.loads(out.read_text())["results"][0]
        alone = self.run_qscope("quantize", CNN, "--calib", GLYPHS, "--calib-samples", "16", "--eval", GLYPHS_EVAL, "--eval-samples",
                                "32", "--quick", "--method", "gptq", "--bits", "3", "--activations", "int8", "--granularity", "group",
                                "--group-size", "16", "--json").json()
        self.assertEqual(swept["values"]["kl"], alone["quantized"]["kl"])
        self.assertEqual(swept["recipe"]["rules"], alone["recipe"]["rules"])

    def test_memory_limit_makes_groups_and_the_same_figures(self):
        def figures(name, *options):
            out = self.folder / name
            outcome = self.run_qscope("sweep", "--methods", "rtn,gptq,smoothquant+gptq", "--bits", "3", "--models", VIT, *FEW,
                                      "--out", out, *options, "--json")
            document = outcome.json()
            for result in document["results"]:
                for key in ("wall_seconds", "seconds", "notes"):
                    result.pop(key, None)
                    result["values"].pop(key, None)
            return outcome, document

        _, free = figures("free.json")
        self.assertNotIn("calibration_memory", free)
        outcome, kept = figures("kept.json", "--memory-limit", "26")
        memory = kept.pop("calibration_memory")
        self.assertEqual(kept, free)
        self.assertEqual(memory["limit_bytes"], 26 << 20)
        self.assertLessEqual(memory["peak_bytes"], 26 << 20)
        self.assertGreater(memory["groups"], 1)
        self.assertGreater(memory["passes"], memory["groups"])
        self.assert_says(outcome.err, "groups of layers", "limit 26.0 MiB")
        few = self.run_qscope("sweep", "--methods", "gptq", "--models", VIT, *FEW, "--out", self.folder / "few.json",
                              "--memory-limit", "1", code=FAILED)
        self.assert_says(few.err, "calibration needs", "Raise the memory limit")
        self.assertEqual(json.loads((self.folder / "few.json").read_text())["results"][0]["state"], "failed")

    def test_stopped_sweep_is_resumed(self):
        out = self.folder / "sweep.json"
        arguments = ["sweep", "--methods", "rtn,gptq", "--bits", "8,7,6,5,4,3,2", "--models", LLAMA, "--evaluation-samples", "8",
                     "--calibration-samples", "8", "--out", out, "--jobs", "1"]
        process = subprocess.Popen([QSCOPE, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=120)[1]
        self.assertIn(process.returncode, (CANCELLED, OK), errors)  # a quick machine may have been done
        before = json.loads(out.read_text())["results"]
        self.assertGreater(len(before), 0)
        if process.returncode == CANCELLED:
            self.assert_says(errors, "The same call runs the rest")
        document = self.run_qscope(*arguments, "--json").json()
        self.assertEqual(len(document["results"]), 14)
        self.assertEqual(document["results"][:len(before)], before)
        self.assertEqual(self.files(), ["sweep.json"])

    def test_killed_sweep_keeps_what_was_finished(self):
        out = self.folder / "sweep.json"
        arguments = ["sweep", "--methods", "gptq", "--bits", "8,6,4,2", "--models", LLAMA, "--evaluation-samples", "8", "--out", out,
                     "--jobs", "1"]
        process = subprocess.Popen([QSCOPE, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait()
        before = json.loads(out.read_text())["results"]
        document = self.run_qscope(*arguments, "--json").json()
        self.assertEqual(document["results"][:len(before)], before)
        self.assertEqual(len(document["results"]), 4)

    def test_wrong_usage_and_files(self):
        out = self.folder / "sweep.json"
        known = ["sweep", "--models", CNN, *FEW, "--out", out]
        self.assert_says(self.run_qscope(*known, "--methods", "nonsense", code=USAGE).err, "nonsense", "quantizer: rtn")
        self.assert_says(self.run_qscope(*known, code=USAGE).err, "method")
        self.run_qscope("sweep", "--methods", "rtn", "--models", CNN, code=USAGE)
        self.run_qscope(*known, "--methods", "rtn", "--bits", "1", code=USAGE)
        self.assert_says(self.run_qscope("sweep", "--methods", "rtn", "--models", "nowhere.onnx", "--out", out, code=BAD_INPUT).err,
                         "nowhere.onnx", "tiny-llama")
        self.assertEqual(self.files(), [])
        notes = self.file("notes.json", '{"my": "notes"}')
        self.run_qscope("sweep", "--methods", "rtn", "--models", CNN, "--out", notes, code=BAD_INPUT)
        self.assertEqual(notes.read_text(), '{"my": "notes"}')
        self.run_qscope("sweep", "--show", notes, code=BAD_INPUT)
        self.run_qscope("sweep", "--show", self.folder / "none.json", code=BAD_INPUT)
        self.run_qscope("sweep", "--methods", "rtn", "--models", CNN, "--out", self.folder / "no/such/folder.json", code=IO)

    def test_other_data_is_not_mixed(self):
        out = self.folder / "sweep.json"
        self.run_qscope("sweep", "--methods", "rtn", "--models", CNN, "--eval-samples", "16", "--out", out)
        before = out.read_bytes()
        outcome = self.run_qscope("sweep", "--methods", "rtn", "--models", CNN, "--eval-samples", "32", "--out", out, code=USAGE)
        self.assert_says(outcome.err, "16 samples", "32 samples", "another file")
        self.assertEqual(out.read_bytes(), before)


if __name__ == "__main__":
    main()
