from cli_case import *


def fixture(name):
    return PLUGINS / name / f"{name}.so"


class Plugins(CliCase):
    def test_list_shows_built_in_and_bundled_methods(self):
        methods = {m["id"]: m for m in self.run_qscope("plugins", "list", "--json").json()["methods"]}
        self.assertFalse(methods["rtn"]["needs_hessian"])
        self.assertTrue(methods["gptq"]["needs_hessian"])
        self.assertIn("damping", [p["name"] for p in methods["gptq"]["parameters"]])
        kinds = {id: methods[id]["kind"] for id in ("rtn", "gptq", "lqer", "smoothquant")}
        self.assertEqual(kinds, {"rtn": "quantizer", "gptq": "quantizer", "lqer": "branch", "smoothquant": "transform"})
        self.assertTrue(methods["smoothquant"]["needs_inputs"])
        self.assert_says(self.run_qscope("plugins").out, "rtn", "gptq", "--param", "Frantar", "--branch lqer:rank=",
                         "--transform smoothquant:alpha=")

    def test_check_of_a_good_plugin(self):
        report = self.run_qscope("plugins", "check", fixture("example"), "--json").json()
        self.assertTrue(report["good"])
        self.assertGreater(report["checks"], 10)
        self.assertEqual(report["findings"], [])

    def test_check_of_broken_plugins_says_what_is_wrong(self):
        for name, part in [("crashes_at_load", "crash"), ("wrong_major", "abi 99"), ("no_symbol", "qs_plugin"),
                           ("init_fails", "init"), ("crashes_at_work", ""), ("broken_results", "")]:
            outcome = self.run_qscope("plugins", "check", fixture(name), "--json", code=FAILED)
            self.assertFalse(outcome.json()["good"], name)
            self.assert_says(outcome.err.lower(), "error:", part.lower())

    def test_check_of_no_plugin(self):
        self.run_qscope("plugins", "check", "/nowhere.so", code=BAD_INPUT)
        self.run_qscope("plugins", "check", self.file("text.so", "not a library"), code=FAILED)

    def test_plugin_that_crashes_at_load_loses_only_itself(self):
        outcome = self.run_qscope("plugins", "list", "--json", code=FAILED,
                                  env={"QUANTOSCOPE_PLUGIN_PATH": str(PLUGINS / "crashes_at_load")})
        self.assertIn("gptq", [m["id"] for m in outcome.json()["methods"]])
        self.assert_says(outcome.err, "crashes_at_load.so")

    def test_method_from_the_plugin_path_can_be_used(self):
        path = {"QUANTOSCOPE_PLUGIN_PATH": str(PLUGINS / "example")}
        def methods(env):
            return {m["id"] for m in self.run_qscope("plugins", "--json", env=env).json()["methods"]}

        (new,) = methods(path) - methods(None)
        report = self.run_qscope("quantize", CNN, "--method", new, "--bits", "4", "--json", env=path).json()
        self.assertEqual({layer["state"] for layer in report["layers"]}, {"quantized"})


if __name__ == "__main__":
    main()
