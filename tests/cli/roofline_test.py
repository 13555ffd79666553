import json

from cli_case import *

CONFIG = SAMPLES / "tiny-llama" / "config.json"
LARGE = {"model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
         "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 32000, "hidden_act": "silu"}
DEVICE = {"id": "toy", "name": "Toy", "memory_bandwidth_gbs": 1, "memory_gb": 1,
          "peak_dense_tops": {"fp32": 0.001, "fp16": 0.002, "int8": 0.004}}
H100 = ["--hardware", "nvidia_h100_sxm"]


class Roofline(CliCase):
    def config(self, **changes):
        config = {**LARGE, **changes}
        return self.file("config.json", json.dumps({key: value for key, value in config.items() if value is not None}))

    def study(self, *arguments, code=OK, env=None):
        return self.run_qscope("roofline", *arguments, "--json", code=code, env=env).json()

    def test_a_70b_model_needs_no_weights(self):
        report = self.study(self.config(), *H100, "--stage", "decode", "--batch", 8, "--sequence", 2048, "--weight-bits", 4)
        fp16, w4 = report["precisions"]
        self.assertEqual(fp16["parameters"], 68976648192)
        self.assertEqual(fp16["memory"]["weights"], 2 * 68976648192)
        self.assertEqual(fp16["memory"]["cache"], 2 * 80 * 8 * 2048 * 8 * 128 * 2)
        self.assertEqual(fp16["largest_batch"]["value"], 0)  # 138 GB do not fit into 80
        self.assertGreater(w4["largest_batch"]["value"], 8)
        self.assertGreater(fp16["seconds"] / w4["seconds"], 3)
        self.assertEqual(len(report["corrected_defects"]), 11)
        self.assertTrue(all(row["bound"] == "memory" for row in fp16["operators"]))
        self.assertEqual(report["hardware"]["unverified_fields"], ["onchip.l2_or_llc_mb"])

    def test_compatible_mode_gives_the_numbers_of_llm_viewer(self):
        config = self.config(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32,
                             num_key_value_heads=32)
        device = self.file("a6000.json", json.dumps({**DEVICE, "memory_bandwidth_gbs": 768,
                                                     "peak_dense_tops": {"fp16": 154.8385, "int8": 309.7}}))
        report = self.study(config, "--hardware", device, "--stage", "prefill", "--sequence", 1024, "--compatible",
                            "--weight-bits", 8, "--activation-bits", 8)
        self.assertAlmostEqual(report["precisions"][0]["seconds"], 0.10242519843250228, delta=1e-7 * 0.1)
        self.assertAlmostEqual(report["precisions"][1]["seconds"], 0.051209419, delta=1e-8)
        self.assertEqual(len(report["reproduced_defects"]), 11)

    def test_opened_models_and_recipes(self):
        recipe = SOURCE / "resources" / "recipes" / "w8a8-rtn.json"
        report = self.study(VIT, "--hardware", "jetson_orin_nano_8g", "--batch", 4, "--recipe", recipe)
        self.assertEqual(report["stage"], "inference")
        self.assertIsNone(report["sequence"])
        fp16, mixed = report["precisions"]
        self.assertLess(mixed["stored_bits_per_weight"], fp16["stored_bits_per_weight"])
        self.assertLess(mixed["seconds"], fp16["seconds"])
        self.assertEqual(len(fp16["operators"]), len(mixed["operators"]))
        text = self.run_qscope("roofline", LLAMA, *H100, "--sequence", 128).out
        self.assert_says(text, "tiny-llama.onnx", "inference, batch 1, sequence 128", "layers.0.mlp.gate_proj", "memory", "bits/weight", "H100")
        self.assert_says(self.run_qscope("roofline", CONFIG, *H100, "--sequence", 128).out, "prefill", "defects", "q_proj")

    def test_the_users_own_device_appears_and_a_wrong_one_is_told(self):
        own = self.folder / "data" / "quantoscope" / "hardware"
        own.mkdir(parents=True)
        (own / "toy.json").write_text(json.dumps(DEVICE))
        (own / "wrong.json").write_text(json.dumps({**DEVICE, "id": "wrong", "memory_bandwidth_gbs": 1e9}))
        (own / "roofless.json").write_text(json.dumps({**DEVICE, "id": "roofless", "peak_dense_tops": {}}))
        env = {"XDG_DATA_HOME": str(self.folder / "data")}
        outcome = self.run_qscope("roofline", CONFIG, "--hardware", "toy", "--sequence", 64, env=env)
        self.assert_says(outcome.out, "Toy", "1 GB/s (unverified)")
        self.assert_says(outcome.err, "wrong.json", "memory_bandwidth_gbs", "roofless.json", "no rate")

    def test_damaged_configs_name_the_field(self):
        for changes, says in (({"hidden_size": None}, "hidden_size"), ({"num_hidden_layers": 0}, "num_hidden_layers"),
                              ({"vocab_size": 10**30}, "vocab_size"),
                              ({"num_key_value_heads": 7}, "num_key_value_heads"), ({"hidden_size": "big"}, "hidden_size")):
            outcome = self.run_qscope("roofline", self.config(**changes), *H100, code=BAD_INPUT)
            self.assert_says(outcome.err, says, "config.json")
        self.assert_says(self.run_qscope("roofline", self.config(model_type="mamba"), *H100, code=UNSUPPORTED).err, "mamba")
        self.assert_says(self.run_qscope("roofline", self.config(num_local_experts=8), *H100, code=UNSUPPORTED).err, "experts")

    def test_wrong_usage(self):
        self.assert_says(self.run_qscope("roofline", CONFIG, code=USAGE).err, "--hardware")
        self.assert_says(self.run_qscope("roofline", CONFIG, "--hardware", "abacus", code=BAD_INPUT).err, "abacus", "nvidia_t4")
        for wrong in (["--batch", 0], ["--batch", 10**12], ["--sequence", -1], ["--weight-bits", 64], ["--stage", "train"],
                      ["--compute-efficiency", 2], ["--memory-share", 0]):
            self.run_qscope("roofline", CONFIG, *H100, *wrong, code=USAGE)
        self.assert_says(self.run_qscope("roofline", VIT, *H100, "--stage", "decode", code=USAGE).err, "config.json")
        self.assert_says(self.run_qscope("roofline", self.folder / "none.json", *H100, code=BAD_INPUT).err, "none.json")
        self.assert_says(self.run_qscope("roofline", LLAMA, *H100, "--sequence", 4096, code=USAGE).err, "4096 tokens")
        self.assert_says(self.run_qscope("roofline", VIT, "--hardware", "snapdragon_8gen3_npu", code=UNSUPPORTED).err, "Snapdragon")

    def test_picture(self):
        for name, start in (("x.png", b"\x89PNG"), ("x.svg", b"<?xml"), ("x.pdf", b"%PDF-")):
            output = self.folder / name
            self.run_qscope("render", "roofline", CONFIG, *H100, "--stage", "decode", "--weight-bits", 4, "-o", output)
            data = output.read_bytes()
            self.assertEqual(data[:len(start)], start)
            self.assertGreater(len(data), 5000)
        self.run_qscope("render", "roofline", VIT, *H100, "-o", self.folder / "vit.png", "--theme", "dark")
        self.run_qscope("render", "roofline", VIT, "-o", self.folder / "no.png", code=USAGE)
        self.assertFalse((self.folder / "no.png").exists())


if __name__ == "__main__":
    main()
