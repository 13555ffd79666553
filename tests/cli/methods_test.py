from cli_case import *


class Methods(CliCase):
    def test_lists_all_with_taxonomy(self):
        document = self.run_qscope("methods", "--json").json()
        methods = {method["id"]: method for method in document["methods"]}
        self.assertIn("rtn", methods)
        self.assertIn("gptq", methods)
        gptq = methods["gptq"]
        self.assertTrue(gptq["needs_hessian"])
        self.assertIn("rounding", gptq["changes"])
        self.assertEqual(gptq["kind"], "quantizer")
        for method in document["methods"]:
            self.assertIn(method["status"], ("reference-checked", "paper formula", "experimental"))
            sorted_tags = method["changes"] + method["principle"] + method["scope"]
            self.assertLessEqual(set(sorted_tags), set(method["tags"]), method["id"])
        self.assert_says(self.run_qscope("methods").out, "gptq", "status", f"{len(methods)} methods")

    def test_search_narrows(self):
        found = self.run_qscope("methods", "--search", "FRANTAR gptq", "--json").json()["methods"]
        self.assertEqual([method["id"] for method in found], ["gptq"])
        self.assert_says(self.run_qscope("methods", "--search", "no such words").out, "0 methods")

    def test_page_tells_everything(self):
        page = self.run_qscope("methods", "gptq").out
        document = self.run_qscope("methods", "gptq", "--json").json()
        self.assert_says(page, document["name"], document["paper"], document["summary"], document["version"], "Hessian", "Status")
        self.assertGreater(len(document["parameters"]), 0)
        for parameter in document["parameters"]:
            self.assert_says(page, parameter["name"], parameter["description"])

    def test_unknown_method_lists_what_there_is(self):
        self.assert_says(self.run_qscope("methods", "nonsense", code=USAGE).err, "nonsense", "rtn", "gptq")
        self.run_qscope("methods", "gptq", "--search", "x", code=USAGE)

    def test_plugins_list_agrees(self):
        plugins = self.run_qscope("plugins", "list", "--json").json()["methods"]
        self.assertEqual(plugins, self.run_qscope("methods", "--json").json()["methods"])


if __name__ == "__main__":
    main()
