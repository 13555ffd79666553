from cli_case import *

NETWORKS = SOURCE / "tests/golden/architectures"
ARRAYS = SOURCE / "tests/golden/io"


class ModelFormats(CliCase):
    def test_hugging_face_folder_runs(self):
        for path in (NETWORKS / "qwen2", NETWORKS / "qwen2/config.json", NETWORKS / "qwen2/model.safetensors"):
            info = self.run_qscope("info", path, "--json").json()
            self.assertEqual(info["format"], "Hugging Face")
            self.assertEqual(info["inputs"][0]["text"], "int64 [batch, sequence]")
            self.assertEqual(info["missing_operators"], [])
            self.assertEqual(len(info["layers"]), 1 + 2 * 7 + 1)

    def test_weights_without_a_graph(self):
        weights = self.file("weights.safetensors", (NETWORKS / "qwen2/model.safetensors").read_bytes())
        outcome = self.run_qscope("info", weights)
        self.assert_says(outcome.err, "without a graph")
        self.assert_says(outcome.out, "weights without a graph", "model.layers.1.mlp.down_proj", "embedding")
        stats = self.run_qscope("stats", weights, "--json").json()
        self.assertEqual(len(stats["weights"]), 16)
        quantized = self.run_qscope("quantize", weights, "--bits", "4", "--json").json()
        self.assertEqual(len(quantized["layers"]), 16)
        outcome = self.run_qscope("sensitivity", weights, "--eval", TEXT_EVAL, code=UNSUPPORTED)
        self.assert_says(outcome.err, "without a graph")

    def test_arrays_and_hdf5(self):
        self.assertEqual(self.run_qscope("info", ARRAYS / "arrays.npz", "--json").json()["format"], "NumPy")
        self.assertEqual(self.run_qscope("info", ARRAYS / "keras2.h5", "--json").json()["format"], "HDF5")
        self.assert_says(self.run_qscope("info", TEXT, code=UNSUPPORTED).err, "calibration")

    def test_export_of_a_network_from_its_folder(self):
        target = self.folder / "qwen2.onnx"
        self.run_qscope("quantize", NETWORKS / "qwen2", "--bits", "8", "--export", target)
        self.assertEqual(self.run_qscope("info", target, "--json").json()["format"], "ONNX")

    def test_project_finds_a_folder_by_what_is_in_it(self):
        folder = self.folder / "copy"
        shutil.copytree(NETWORKS / "qwen2", folder)
        project = self.folder / "p.qscope"
        self.run_qscope("quantize", folder, "--bits", "4", "--project", project)
        self.assert_says(self.run_qscope("project", project).out, "(found,")
        moved = folder.rename(self.folder / "moved")
        self.assert_says(self.run_qscope("project", project).out, "missing")
        opened = self.run_qscope("project", project, "--model", moved)
        self.assert_says(opened.out, "given")
        (moved / "config.json").write_text((moved / "config.json").read_text() + " ")
        moved.rename(folder)
        self.assert_says(self.run_qscope("project", project).out, "changed")

    def test_config_that_is_not_known(self):
        folder = self.folder / "other"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes((NETWORKS / "qwen2/model.safetensors").read_bytes())
        (folder / "config.json").write_text('{"model_type": "mamba"}')
        self.assert_says(self.run_qscope("info", folder).err, "warning:", "mamba", "only its weights are open")

    def test_folder_without_a_model(self):
        self.assert_says(self.run_qscope("info", self.folder, code=BAD_INPUT).err, "no .safetensors file")


if __name__ == "__main__":
    main()
