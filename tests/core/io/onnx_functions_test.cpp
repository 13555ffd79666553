#include "core/exec/executor.h"
#include "core/io/importer.h"

#include "tests/support/temp_dir.h"

#include <onnx/defs/parser.h>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Opened {
    std::shared_ptr<const Model> model;
    std::string error, findings;
};

/// A model with functions, both in ONNX's text form. \param change  made to the message before it is written
Opened open(const std::string &graph, const std::vector<std::string> &functions,
            const std::function<void(onnx::ModelProto &)> &change = {}) {
    onnx::ModelProto message;
    const auto parse = [](auto &part, const std::string &text) {
        const auto status = onnx::OnnxParser::Parse(part, text.c_str());
        EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
    };
    parse(message, "<ir_version: 8, opset_import: [\"\" : 17, \"my\" : 1]> " + graph);
    for (const std::string &text : functions)
        parse(*message.add_functions(), text);
    if (change)
        change(message);
    const TempDir folder;
    FindingList findings;
    auto model = openModel(folder.write("m.onnx", message.SerializeAsString()), findings, {});
    Opened opened{model ? *model : nullptr, model ? "" : model.error().text(), {}};
    for (const auto &entry : findings.snapshot())
        opened.findings += entry.finding.what + "\n";
    return opened;
}

std::vector<float> run(const Opened &opened, std::vector<Tensor> inputs) {
    EXPECT_TRUE(opened.model) << opened.error;
    if (!opened.model)
        return {};
    const auto executor = Executor::create(opened.model);
    EXPECT_TRUE(executor) << executor.error().text();
    if (!executor)
        return {};
    const auto outputs = (*executor)->run(std::move(inputs), {}, {});
    EXPECT_TRUE(outputs) << outputs.error().text();
    const auto values = outputs->front().values<float>();
    return {values.begin(), values.end()};
}

const std::string kScaled = R"(<domain: "my", opset_import: ["" : 17]> Scaled <slope> (a, b) => (c)
    { t = LeakyRelu <alpha: float = @slope> (a) c = Add(t, b) })";

Tensor floats(const std::vector<float> &values) {
    return Tensor::fromValues<float>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

TEST(OnnxFunctions, AreReplacedByTheirBodies) {
    const Opened opened = open("g (float[2] x) => (float[2] y) { t = my.Scaled <slope = 0.5> (x, x) "
                               "y = my.Scaled <slope = 2.0> (t, x) }",
                               {kScaled});
    EXPECT_THAT(run(opened, {floats({-4, 3})}), ElementsAre(-16, 9)); // t = -6, 6
    ASSERT_TRUE(opened.model);
    EXPECT_EQ(opened.model->graph.nodes().size(), 4u);
    EXPECT_EQ(opened.findings, "");
}

TEST(OnnxFunctions, CallEachOtherInAnyOrderOfTheFile) {
    const Opened opened = open(
        "g (float[2] x) => (float[2] y) { y = my.Twice(x) }",
        {R"(<domain: "my", opset_import: ["" : 17, "my" : 1]> Twice (a) => (c) { t = my.Scaled <slope = 0.5> (a, a) c = my.Scaled <slope = 0.5> (t, a) })",
         kScaled});
    EXPECT_THAT(run(opened, {floats({-4, 3})}), ElementsAre(-7, 9));
}

TEST(OnnxFunctions, PassOperandsOnAndLeaveOutWhatIsNotGiven) {
    const Opened opened =
        open("g (float[2] x) => (float[2] y) { s, t = my.Both(x) y = Add(s, t) }",
             {R"(<domain: "my", opset_import: ["" : 17]> Both (a, low) => (a, c) { c = Clip(a, low) })"});
    EXPECT_THAT(run(opened, {floats({-4, 3})}), ElementsAre(-8, 6));
}

TEST(OnnxFunctions, MissingAttributesTakeDefaultsOfTheOperator) {
    const Opened opened = open("g (float[1] x) => (float[1] y) { y = my.Scaled(x, x) }", {kScaled});
    EXPECT_THAT(run(opened, {floats({-100})}), ElementsAre(-101)) << "LeakyRelu's own slope is 0.01";
}

TEST(OnnxFunctions, DefaultsOfNewerFilesAreRead) {
    const auto addDefault = [](onnx::ModelProto &model) {
        onnx::AttributeProto slope;
        slope.set_name("slope");
        slope.set_type(onnx::AttributeProto::FLOAT);
        slope.set_f(0.25f);
        model.mutable_functions(0)->mutable_unknown_fields()->AddLengthDelimited(11,
                                                                                 slope.SerializeAsString());
    };
    const Opened opened =
        open("g (float[1] x) => (float[1] y) { y = my.Scaled(x, x) }", {kScaled}, addDefault);
    EXPECT_THAT(run(opened, {floats({-100})}), ElementsAre(-125));
}

TEST(OnnxFunctions, OverloadsAreToldApart) {
    const std::string other =
        R"(<domain: "my", opset_import: ["" : 17]> Scaled (a, b) => (c) { c = Sub(a, b) })";
    const auto nameOverloads = [](onnx::ModelProto &model) {
        model.mutable_functions(1)->mutable_unknown_fields()->AddLengthDelimited(13, "minus");
        model.mutable_graph()->mutable_node(1)->mutable_unknown_fields()->AddLengthDelimited(8, "minus");
    };
    const Opened opened = open("g (float[1] x) => (float[1] y) { t = my.Scaled <slope = 0.5> (x, x) "
                               "y = my.Scaled(t, x) }",
                               {kScaled, other}, nameOverloads);
    EXPECT_THAT(run(opened, {floats({-4})}), ElementsAre(-2)); // -6 - -4
}

TEST(OnnxFunctions, RecursionIsRefused) {
    const Opened opened = open("g (float[1] x) => (float[1] y) { y = my.A(x) }",
                               {R"(<domain: "my", opset_import: ["my" : 1]> A (a) => (c) { c = my.B(a) })",
                                R"(<domain: "my", opset_import: ["my" : 1]> B (a) => (c) { c = my.A(a) })"});
    ASSERT_TRUE(opened.model) << opened.error;
    EXPECT_THAT(opened.findings, HasSubstr("'A' is a function inside the file that calls itself"));
    EXPECT_FALSE(Executor::create(opened.model));
}

TEST(OnnxFunctions, AnotherOpsetIsRefused) {
    const Opened opened =
        open("g (float[1] x) => (float[1] y) { y = my.A(x) }",
             {R"(<domain: "my", opset_import: ["" : 11]> A (a) => (c) { c = Softmax(a) })"});
    ASSERT_TRUE(opened.model) << opened.error;
    EXPECT_THAT(opened.findings, HasSubstr("follows opset 11 of 'ai.onnx' and the model opset 17"));
}

/// 20 functions that each call the next one ten times: 10^20 nodes.
TEST(OnnxFunctions, MultiplyingBodiesAreRefused) {
    std::vector<std::string> functions;
    for (int i = 0; i < 20; ++i) {
        std::string body;
        for (int call = 0; call < 10; ++call)
            body += "v" + std::to_string(call + 1) + " = my.F" + std::to_string(i + 1) + "(v" +
                    std::to_string(call) + ") ";
        functions.push_back(R"(<domain: "my", opset_import: ["my" : 1]> F)" + std::to_string(i) +
                            " (v0) => (v10) { " + body + "}");
    }
    functions.push_back(R"(<domain: "my", opset_import: ["" : 17]> F20 (v0) => (v10) { v10 = Relu(v0) })");
    const Opened opened = open("g (float[1] x) => (float[1] y) { y = my.F0(x) }", functions);
    EXPECT_FALSE(opened.model);
    EXPECT_THAT(opened.error, HasSubstr("do not fit into memory"));
}

TEST(OnnxFunctions, BranchesInsideThemReadTheirValues) {
    const std::string function = R"(<domain: "my", opset_import: ["" : 17]> Choose (condition, a) => (c)
        { t = Neg(a) c = If(condition) <then_branch = yes () => (float[2] u) { u = Add(t, a) },
                                        else_branch = no () => (float[2] w) { w = Identity(t) }> })";
    const Opened opened = open("g (bool b, float[2] t) => (float[2] y) { y = my.Choose(b, t) }", {function});
    EXPECT_THAT(run(opened, {Tensor::scalar(true), floats({1, -2})}), ElementsAre(0, 0));
    EXPECT_THAT(run(opened, {Tensor::scalar(false), floats({1, -2})}), ElementsAre(-1, 2));
}

TEST(OnnxImporter, LayersInsideBranchesAreReported) {
    const Opened opened = open(R"(g (bool b, float[1,2] x) => (float[1,2] y) {
        w = Constant <value = float[2,2] {1.0, 2.0, 3.0, 4.0}> ()
        y = If(b) <then_branch = yes () => (float[1,2] u) { u = MatMul(x, w) },
                   else_branch = no () => (float[1,2] v) { v = Identity(x) }> })",
                               {});
    ASSERT_TRUE(opened.model) << opened.error;
    EXPECT_THAT(opened.findings, HasSubstr("1 layer inside branches or loops"));
    EXPECT_TRUE(opened.model->layers.empty());
}

} // namespace
} // namespace qs
