from cli_case import *

QUICK = ["--samples", "6", "--batch", "6", "--iterations", "12"]


class Distill(CliCase):
    def distill(self, *arguments, **options):
        return self.run_qscope("distill", *arguments, **options)

    def test_made_images_calibrate_a_run_that_says_so(self):
        made = self.folder / "made.h5"
        document = self.distill(CNN, "-o", made, *QUICK, "--json").json()
        self.assertEqual(len(document["losses"]), 12)
        self.assertLess(document["losses"][-1], document["losses"][0] / 2)
        self.assertEqual(document["batch_norms"], 20)
        self.assert_says(document["note"], "ZeroQ", "Not real data")
        report = self.folder / "report.json"
        self.run_qscope("quantize", CNN, "--calib", made, "--activations", "int8", "--quick", "--report", report)
        self.assert_says(report.read_text(), "made.h5 (distilled, not real data)")

    def test_same_seed_same_file(self):
        notes = []
        for seed in ("1", "1", "2"):
            made = self.folder / f"{len(notes)}.h5"
            self.distill(CNN, "-o", made, *QUICK, "--seed", seed)
            notes.append(self.run_qscope("calibrate", CNN, "--calib", made, "--json").json()["layers"])
        self.assertEqual(notes[0], notes[1])
        self.assertNotEqual(notes[0], notes[2])

    def test_genie_makes_images_too(self):
        document = self.distill(CNN, "-o", self.folder / "genie.h5", *QUICK, "--method", "genie", "--json").json()
        self.assertLess(document["losses"][-1], document["losses"][0])

    def test_no_batch_norm(self):
        outcome = self.distill(VIT, "-o", self.folder / "x.h5", *QUICK, code=UNSUPPORTED)
        self.assert_says(outcome.err, "BatchNormalization", "gaussian")
        self.assertFalse((self.folder / "x.h5").exists())
        noise = self.distill(VIT, "-o", self.folder / "x.h5", *QUICK, "--gaussian")
        self.assert_says(noise.err, "noise")
        self.assertTrue((self.folder / "x.h5").exists())

    def test_inputs_that_are_no_images(self):
        self.assert_says(self.distill(LLAMA, "-o", self.folder / "x.h5", "--gaussian", code=UNSUPPORTED).err, "input_ids")

    def test_bad_arguments(self):
        self.assert_says(self.distill(CNN, "-o", self.folder / "x.h5", "--samples", "0", code=USAGE).err, "samples")
        self.assert_says(self.distill(self.folder / "none.onnx", "-o", self.folder / "x.h5", code=BAD_INPUT).err, "none.onnx")
        self.assert_says(self.distill(self.file("a.txt", b"hello"), "-o", self.folder / "x.h5", code=UNSUPPORTED).err, "a.txt")
        self.assert_says(self.distill(CNN, "-o", self.folder / "none" / "x.h5", *QUICK, code=IO).err, "none")


if __name__ == "__main__":
    main()
