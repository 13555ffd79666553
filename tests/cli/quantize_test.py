import json
import os
import pty
import signal
import subprocess
import time

import onnx_writer
from cli_case import *

FEW = ["--calib", GLYPHS, "--calib-samples", "16"]


class Quantize(CliCase):
    def test_replay_gives_the_same_bytes(self):
        for method in (["--method", "rtn", "--range", "mse"],
                       ["--method", "gptq", "--granularity", "group", "--group-size", "32", "--param", "damping=0.02"]):
            recipe, first, second = (self.folder / name for name in ("r.json", "a.onnx", "b.onnx"))
            one = self.run_qscope("quantize", CNN, *FEW, *method, "--bits", "4", "--activations", "int8", "--quick",
                                  "--export", first, "--save-recipe", recipe, "--json")
            two = self.run_qscope("quantize", CNN, *FEW, "--recipe", recipe, "--quick", "--export", second, "--json")
            self.assertEqual(first.read_bytes(), second.read_bytes())
            self.assertEqual(one.out, two.out)

    def test_report_file_is_what_json_prints(self):
        report = self.folder / "report.json"
        outcome = self.run_qscope("quantize", CNN, "--report", report, "--json")
        self.assertEqual(report.read_text(), outcome.out)
        self.assertEqual(outcome.err, "", "no progress and no noise when it is not a terminal")

    def test_report_fields(self):
        document = self.run_qscope("quantize", CNN, *FEW, "--bits", "4", "--in-network-samples", "4", "--json").json()
        self.assertTrue(document["complete"])
        self.assertEqual(document["provenance"]["calibration"]["samples"], 16)
        self.assertGreater(document["effective_bits_per_weight"], 4)
        self.assertLess(document["quantized"]["sqnr_db"], 60)
        for layer in document["layers"]:
            self.assertEqual((layer["state"], layer["bits"]), ("quantized", 4))
            self.assertIn("in_network", layer)

    def test_selection_keeps_other_layers_in_float(self):
        layers = self.run_qscope("quantize", CNN, "--layers", r"m\.fc", "--json").json()["layers"]
        self.assertEqual([layer["layer"] for layer in layers if layer["state"] == "quantized"], ["m.fc"])

    def test_text(self):
        text = self.run_qscope("quantize", CNN, *FEW, "--quick").out
        self.assert_says(text, "weight SQNR", "effective bits per weight", "Top-1 accuracy", "m.fc")

    def test_unknown_layers_methods_and_parameters(self):
        self.assert_says(self.run_qscope("quantize", CNN, "--layers", "no-such-layer", code=USAGE).err, "no-such-layer")
        self.assert_says(self.run_qscope("quantize", CNN, "--layers", "(", code=USAGE).err, "(")
        self.assert_says(self.run_qscope("quantize", CNN, "--method", "magic", code=USAGE).err, "magic", "rtn", "gptq")
        self.assert_says(self.run_qscope("quantize", CNN, "--method", "gptq", "--param", "wand=1", code=USAGE).err, "wand")
        self.run_qscope("quantize", CNN, "--method", "gptq", "--param", "wand", code=USAGE)
        self.run_qscope("quantize", CNN, "--recipe", "r.json", "--bits", "4", code=USAGE)

    def test_chain_of_transforms_branch_and_bias_correction(self):
        recipe = self.folder / "chain.json"
        options = ["--quick", "--json"]
        one = self.run_qscope("quantize", VIT, *FEW, "--transform", "smoothquant:alpha=0.75", "--transform", "rotation",
                              "--bits", "4", "--branch", "lqer:rank=4", "--bias-correction", "--activations", "int8",
                              "--activation-scale", "cross", "--alpha", "0.3", "--save-recipe", recipe, *options)
        chain = json.loads(recipe.read_text())
        self.assertEqual([(step["method"], step["parameters"]) for step in chain["transforms"]],
                         [("smoothquant", {"alpha": 0.75}), ("rotation", {})])
        (rule,) = chain["rules"]
        self.assertEqual(rule["weight"]["branch"], {"method": "lqer", "parameters": {"rank": 4}})
        self.assertTrue(rule["weight"]["correctBias"])
        self.assertEqual([rule["activation"][key] for key in ("scale", "alpha", "convention")], ["cross", 0.3, "s2"])
        self.assertEqual(chain["name"], "smoothquant-rotation-w4a8-rtn-lqer-bias")
        two = self.run_qscope("quantize", VIT, *FEW, "--recipe", recipe, *options)
        self.assertEqual(one.out, two.out)

    def test_text_tells_what_was_added_to_a_layer(self):
        text = self.run_qscope("quantize", CNN, *FEW, "--layers", r"m\.fc", "--quick", "--branch", "lqer:rank=4",
                               "--bias-correction", "--activations", "int8", "--activation-scale", "token").out
        self.assert_says(text, "rtn w8 +rank 4 +bias a8 token")

    def test_token_weights_regions_and_norm_correction(self):
        recipe = self.folder / "tokens.json"
        options = ["--quick", "--json"]
        one = self.run_qscope("quantize", VIT, *FEW, "--method", "rsq", "--bits", "4", "--norm-correction",
                              "--activations", "int8", "--activation-scale", "region", "--save-recipe", recipe, *options)
        chain = json.loads(recipe.read_text())
        (rule,) = chain["rules"]
        self.assertEqual(chain["name"], "w4a8-rsq-norm")
        self.assertTrue(rule["weight"]["correctNorm"])
        self.assertEqual([rule["activation"][key] for key in ("scale", "convention")], ["region", "asymmetric"])
        report = json.loads(one.out)
        steps = [layer["activation"] for layer in report["layers"]]
        self.assertTrue(any(entry["step"] > entry["negative_step"] for entry in steps))
        self.assertEqual(one.out, self.run_qscope("quantize", VIT, *FEW, "--recipe", recipe, *options).out)

    def test_bias_tuning_lowers_the_divergence_and_says_by_how_much(self):
        recipe = self.folder / "tuned.json"
        options = [CNN, *FEW, "--quick", "--json"]
        plain = self.run_qscope("quantize", *options, "--bits", "2").json()
        one = self.run_qscope("quantize", *options, "--bits", "2", "--bias-tuning", "--save-recipe", recipe)
        tuned = one.json()
        self.assertLess(tuned["quantized"]["kl"], 0.8 * plain["quantized"]["kl"])
        self.assertTrue(json.loads(recipe.read_text())["rules"][0]["weight"]["tuneBias"])
        self.assertEqual(one.out, self.run_qscope("quantize", *options, "--recipe", recipe).out)
        text = self.run_qscope("quantize", CNN, *FEW, "--quick", "--bits", "2", "--bias-tuning")
        self.assert_says(text.out + text.err, "bias tuning of 21 layers: KL divergence")

    def test_token_weights_need_attention(self):
        done = self.run_qscope("quantize", CNN, *FEW, "--method", "rsq", "--layers", r"m\.fc", "--quick", code=FAILED)
        self.assert_says(done.out + done.err, "RSQ needs to know which tokens matter", "0 Softmax nodes")

    def test_block_methods_stand_where_quantizers_stand(self):
        for method in (["cbq", "--param", "window=2"], ["mgrq"], ["omniquant-lwc-learned"], ["brecq", "--param", "loss=fisher"]):
            document = self.run_qscope("quantize", CNN, *FEW, "--bits", "3", "--quick", "--json", "--method", *method,
                                       "--param", "iterations=2", "--param", "samples=8").json()
            for layer in document["layers"]:
                self.assertEqual(layer["state"], "quantized", method)

    def test_wrong_chains(self):
        for options, *parts in [(["--transform", "magic"], "no transform 'magic'", "smoothquant", "transforms[0].method"),
                                (["--transform", "lqer"], "no transform 'lqer'"),
                                (["--transform", "smoothquant:alpha=wet"], "alpha"),
                                (["--transform", "smoothquant:alpha"], "'alpha'", "key=value"),
                                (["--branch", "gptq"], "no branch 'gptq'", "lqer", "rules[0].weight.branch.method"),
                                (["--branch", "lqer:wand=1"], "wand"),
                                (["--activation-scale", "token"], "--activations"),
                                (["--alpha", "0.5"], "--activation-scale"),
                                (["--activations", "int8", "--activation-scale", "token", "--activation-convention",
                                  "asymmetric"], "must be symmetric")]:
            self.assert_says(self.run_qscope("quantize", CNN, *FEW, *options, code=USAGE).err, *parts)

    def test_bad_recipe_names_the_json_path(self):
        good = json.loads((SOURCE / "resources/recipes/w4-gptq.json").read_text())
        for change, where in [(lambda w: w.update(bits=99), "rules[0].weight.bits"),
                              (lambda w: w.update(convention="upside-down"), "rules[0].weight.convention"),
                              (lambda w: w.update(colour="red"), "rules[0].weight.colour"),
                              (lambda w: w.update(method="magic"), "rules[0].weight.method"),
                              (lambda w: w.update(parameters={"damping": "wet"}), "rules[0].weight.parameters")]:
            recipe = json.loads(json.dumps(good))
            change(recipe["rules"][0]["weight"])
            path = self.file("bad.json", json.dumps(recipe))
            self.assert_says(self.run_qscope("quantize", CNN, *FEW, "--recipe", path, code=BAD_INPUT).err, "bad.json", where)
        for content in ("", "{", "[1, 2]", "{}", "[" * 100000):
            path = self.file("bad.json", content)
            self.assert_says(self.run_qscope("quantize", CNN, "--recipe", path, code=BAD_INPUT).err, "bad.json")
        self.run_qscope("quantize", CNN, "--recipe", "/nowhere.json", code=BAD_INPUT)

    def test_method_that_learns_needs_calibration(self):
        outcome = self.run_qscope("quantize", CNN, "--method", "gptq", "--layers", r"m\.fc", "--json", code=USAGE)
        self.assert_says(outcome.err, "--calib")

    def test_nan_weight_fails_its_layer_only(self):
        path = self.file("nan.onnx", onnx_writer.linear([1, float("nan"), 3, 4], 2, 2))
        outcome = self.run_qscope("quantize", path, "--json", code=FAILED)
        self.assertEqual(outcome.json()["layers"][0]["state"], "failed")
        self.assert_says(outcome.err, "fc", "error:")

    def test_model_that_cannot_run_is_quantized_by_its_weights(self):
        path = self.file("wobble.onnx", onnx_writer.with_missing_operator())
        outcome = self.run_qscope("quantize", path, "--bits", "4", "--json")
        self.assertEqual(outcome.json()["layers"][0]["state"], "quantized")
        self.assertNotIn("quantized", outcome.json())
        self.assert_says(outcome.err, "Wobble", "wobbly")

    def test_unwritable_outputs(self):
        for option in ("--export", "--report", "--save-recipe"):
            outcome = self.run_qscope("quantize", CNN, option, self.folder / "none" / "x", code=IO)
            self.assert_says(outcome.err, "none/x")
        self.assertEqual(self.files(), [])

    def start_long_job(self, **streams):
        return subprocess.Popen([QSCOPE, "quantize", str(LLAMA), "--calib", str(TEXT), "--eval", str(TEXT_EVAL), "--method",
                                 "gptq", "--bits", "4", "--export", str(self.folder / "x.onnx"), "--in-network-samples", "0"],
                                **streams)

    def test_memory_limit_makes_groups_and_the_same_report(self):
        arguments = ["quantize", LLAMA, "--calib", TEXT, "--calib-samples", "16", "--eval-samples", "1", "--in-network-samples",
                     "1", "--method", "gptq", "--bits", "4", "--layers", r"layers.0.*"]
        self.run_qscope(*arguments, "--report", self.folder / "all.json")
        outcome = self.run_qscope(*arguments, "--memory-limit", "69", "--report", self.folder / "groups.json")
        self.assert_says(outcome.err, "groups of layers", "69.0 MiB")
        self.assertEqual((self.folder / "all.json").read_bytes(), (self.folder / "groups.json").read_bytes())
        outcome = self.run_qscope(*arguments, "--memory-limit", "10", code=BAD_INPUT)
        self.assert_says(outcome.err, "calibration needs", "Raise the memory limit")

    def test_memory_of_groups_is_told_beside_the_report(self):
        arguments = ["quantize", VIT, *FEW, "--quick", "--method", "gptq", "--bits", "4", "--transform", "awq", "--json"]
        free = self.run_qscope(*arguments).json()
        kept = self.run_qscope(*arguments, "--memory-limit", "26").json()
        memory = kept.pop("calibration_memory")
        self.assertEqual(kept, free)
        self.assertGreater(memory["groups"], 1)
        self.assertGreater(memory["passes"], 2 * memory["groups"] - 2, "transform and run calibrate")
        self.assertLessEqual(memory["peak_bytes"], memory["limit_bytes"])

    def test_percentile_of_activations_tells_how_far_it_may_be_off(self):
        arguments = ["quantize", CNN, *FEW, "--quick", "--activations", "int8", "--json", "--activation-range"]
        for layer in self.run_qscope(*arguments, "percentile").json()["layers"]:
            bound = layer["activation"]["percentile_between"]
            self.assertLess(bound["high"][0], bound["high"][1])
        self.assertNotIn("percentile_between", self.run_qscope(*arguments, "minmax").json()["layers"][0]["activation"])

    def test_interrupt_ends_cleanly(self):
        process = self.start_long_job(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (CANCELLED, ""))
        self.assertIn("cancelled", err)
        self.assertEqual(self.files(), [])
        self.assertLess(time.monotonic() - asked, 20)

    def test_progress_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = self.start_long_job(stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = ""
        deadline = time.monotonic() + 60
        while "%" not in shown and time.monotonic() < deadline:
            shown += os.read(ours, 4096).decode(errors="replace")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), CANCELLED)
        os.close(ours)
        self.assertRegex(shown, r"\d+ %  \w+")


if __name__ == "__main__":
    main()
