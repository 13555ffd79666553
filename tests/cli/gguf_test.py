import struct

import gguf_writer
from cli_case import *


def small_model():
    """Weights of an architecture that cannot run: a block-quantized matrix and a float16 table."""
    q4_k = struct.pack("<ee", 1.0, 2.0) + bytes([0xC5]) + bytes(11) + bytes([0xA9]) + bytes(127)
    return gguf_writer.gguf(
        {"general.architecture": "mamba", "general.name": "tiny", "tokens": [f"t{i}" for i in range(20)], "flag": True},
        {"blk.0.in.weight": ("q4_k", [2, 256], q4_k * 2), "token_embd.weight": ("f16", [3, 4], bytes(24))})


class Gguf(CliCase):
    def test_info_lists_metadata_and_block_types(self):
        model = self.file("m.gguf", small_model())
        text = self.run_qscope("info", model).out
        self.assert_says(text, "GGUF, weights without a graph", "general.name", "tiny", "array of string", "20 in all", "q4_k",
                         "float16")
        info = self.run_qscope("info", model, "--json").json()
        self.assertEqual(info["metadata"][1], {"key": "general.name", "type": "string", "value": "tiny"})
        self.assertEqual({layer["name"]: layer["stored_as"] for layer in info["layers"]},
                         {"blk.0.in": "q4_k, 4-bit codes, 32 weights a scale", "token_embd": "float16"})

    def test_tensor_takes_a_block_apart(self):
        model = self.file("m.gguf", small_model())
        outcome = self.run_qscope("tensor", model, "--layer", "blk.0.in", "--at", "1,32", "--json")
        stored = outcome.json()["cells"][0]["stored"]
        self.assertEqual((stored["format"], stored["byte_offset"], stored["element"], stored["sub_block"]), ("q4_k", 144, 32, 1))
        self.assertEqual((stored["super_scale"], stored["super_minimum"]), (1, 2))
        self.assertEqual(stored["scale_codes"], [5, 0, 0, 0, 48, 0, 0, 0])
        self.assertEqual((stored["codes"][0], stored["codes"][32]), (9, 10))
        self.assertTrue(stored["bytes"].startswith("003c0040 c5000000"))
        text = self.run_qscope("tensor", model, "--layer", "blk.0.in", "--at", "0,0").out
        self.assert_says(text, "stored as", "q4_k, 4.5 bits a weight", "super-scale", "scale codes", "block bytes")

    def test_lattice_formats_are_refused_by_name(self):
        model = self.file("iq.gguf", gguf_writer.gguf({}, {"a.weight": ("iq2_xxs", [1, 256], bytes(66))}))
        outcome = self.run_qscope("tensor", model, "--layer", "a", "--at", "0,0", code=UNSUPPORTED)
        self.assert_says(outcome.err, "iq2_xxs", "lattice table")

    def test_methods_of_blocks_count_the_bits_of_the_file(self):
        report = self.file("report.json")
        self.run_qscope("quantize", LLAMA, "--calib", TEXT, "--method", "q4_k", "--report", report)
        layers = json.loads(report.read_text())["layers"]
        self.assertEqual({layer["bits_per_weight"]["effective"] for layer in layers}, {4.5})

    def test_a_format_does_not_override_what_was_asked_for(self):
        outcome = self.run_qscope("quantize", LLAMA, "--method", "q4_k", "--bits", "8", "--layers", "lm_head|.*0.mlp.*",
                                  code=FAILED)
        self.assert_says(outcome.err, "4 bits in groups of 32")
        outcome = self.run_qscope("quantize", LLAMA, "--method", "q4_k", "--group-size", "32", "--layers", ".*0.mlp.*")
        self.assert_says(outcome.out, "q4_k w4")

    def test_a_run_is_exported_and_read_back_as_a_run(self):
        model, report = self.folder / "q.gguf", self.folder / "r.json"
        self.run_qscope("quantize", LLAMA, "--method", "q4_k", "--bits", "4", "--granularity", "group", "--group-size", "32",
                        "--quick", "--export", model, "--report", report)
        own = json.loads(report.read_text())["layers"]
        self.assert_says(self.run_qscope("stored", model).out, "30 of 30 layers hold codes", "q4_k, 4-bit codes, 32 weights a scale",
                         "4.500 effective bits")
        read = self.run_qscope("stored", model, "--original", LLAMA, "--json").json()["layers"]
        self.assertEqual([layer["layer"] for layer in read], [layer["layer"] for layer in own])
        for a, b in zip(own, read):
            self.assertAlmostEqual(a["weight_error"]["sqnr_db"], b["weight_error"]["sqnr_db"], places=5)
        outcome = self.run_qscope("evaluate", model, "--eval", TEXT, "--eval-samples", "4", "--json")
        self.assertEqual(outcome.json()["model"]["file"], str(model))
        again = self.folder / "again.gguf"
        self.run_qscope("export", model, "--layers", "none of them|lm_head", "--method", "q6_k", "--bits", "6", "--granularity",
                        "group", "--group-size", "16", "-o", again)
        layers = {layer["name"]: layer["stored_as"] for layer in self.run_qscope("info", again, "--json").json()["layers"]}
        self.assertIn("q6_k", layers["lm_head"])
        self.assertIn("q4_k", layers["layers.0.mlp.up_proj"])

    def test_export_goes_by_the_suffix_and_says_what_cannot_be(self):
        options = ["--method", "rtn", "--bits", "4", "--convention", "s3", "--granularity", "group", "--group-size", "32"]
        output = self.folder / "w4.gguf"
        outcome = self.run_qscope("export", LLAMA, *options, "-o", output)
        self.assert_says(outcome.out, "GGUF for llama.cpp", "30")
        self.assert_says(outcome.err, "written as q4_0 blocks", "no tokenizer")
        self.assertEqual(output.read_bytes()[:4], b"GGUF")
        refused = self.run_qscope("export", CNN, "--bits", "8", "-o", self.folder / "cnn.gguf", code=UNSUPPORTED)
        self.assert_says(refused.err, "not that of a LLaMA-like network")
        self.assert_says(self.run_qscope("export", "--help").out, "gguf", "float_type", "fallback")

    def test_a_cut_file_is_named(self):
        whole = small_model()
        outcome = self.run_qscope("info", self.file("cut.gguf", whole[:len(whole) - 100]), code=BAD_INPUT)
        self.assert_says(outcome.err, "cut.gguf", "beyond the file")


if __name__ == "__main__":
    main()
