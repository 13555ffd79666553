import subprocess

import onnx_writer
from cli_case import *


class Info(CliCase):
    def test_text_shows_inputs_operators_and_layers(self):
        text = self.run_qscope("info", VIT).out
        self.assert_says(text, "opset ai.onnx 17", "image: float32 [batch, 3, 32, 32]", "LayerNormalization ×9",
                         "20 quantizable layers", "m.blocks.0.attn.qkv", "49,152")

    def test_json_is_one_document(self):
        info = self.run_qscope("info", CNN, "--json").json()
        self.assertEqual(info["format"], "ONNX")
        self.assertEqual(len(info["sha256"]), 64)
        self.assertEqual(info["inputs"][0]["name"], "image")
        self.assertEqual(info["missing_operators"], [])
        self.assertEqual(sum(info["operators"].values()) > len(info["layers"]) > 0, True)

    def test_files_are_told_by_content(self):
        renamed = self.file("model.bin", CNN.read_bytes())
        self.assertEqual(self.run_qscope("info", renamed, "--json").json()["format"], "ONNX")

    def test_what_is_no_model(self):
        for name, content in [("text.onnx", "hello, I am a poem\n" * 50), ("empty.onnx", b""), ("zeros.onnx", bytes(999)),
                              ("data.onnx", GLYPHS.read_bytes())]:
            path = self.file(name, content)
            outcome = self.run_qscope("info", path, code=self.run_code(path))
            self.assert_says(outcome.err, "error:", name)
            self.assertEqual(outcome.out, "")

    def run_code(self, path):
        """Not a model at all is either damaged or unknown, never a success or a crash."""
        code = subprocess.run([QSCOPE, "info", path], capture_output=True, check=False).returncode
        self.assertIn(code, (BAD_INPUT, UNSUPPORTED))
        return code

    def test_truncated_model(self):
        whole = CNN.read_bytes()
        for length in (100, len(whole) // 2, len(whole) - 1):
            outcome = self.run_qscope("info", self.file("short.onnx", whole[:length]), "--json", code=BAD_INPUT)
            self.assertEqual(outcome.json()["error"]["code"], "corrupt file")
            self.assert_says(outcome.err, "short.onnx")

    def test_missing_file_and_folder(self):
        self.assert_says(self.run_qscope("info", "/nowhere/x.onnx", code=BAD_INPUT).err, "/nowhere/x.onnx", "no such file")
        self.assert_says(self.run_qscope("info", self.folder, code=BAD_INPUT).err, "folder")

    def test_missing_operator_is_named_with_its_nodes(self):
        path = self.file("wobble.onnx", onnx_writer.with_missing_operator())
        outcome = self.run_qscope("info", path, "--json")
        missing = outcome.json()["missing_operators"]
        self.assertEqual([(m["operator"], m["nodes"]) for m in missing], [("Wobble", ["wobbly"])])
        self.assertEqual([layer["name"] for layer in outcome.json()["layers"]], ["fc"])
        self.assert_says(outcome.err, "warning:", "Wobble", "wobbly")


if __name__ == "__main__":
    main()
