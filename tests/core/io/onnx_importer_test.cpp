#include "core/io/importers/onnx_importer.h"

#include "core/tensor/convert.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/temp_dir.h"

// The ONNX importer as a whole: what becomes of graphs, names, constants and odd files. Element types are in
// onnx_tensor_test.cpp, external data in onnx_external_data_test.cpp.

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Loaded {
    std::shared_ptr<const Model> model; ///< nullptr when it was refused
    std::string error;
    std::vector<FindingList::Entry> findings;

    const ModelGraph &graph() const { return model->graph; }
    /// The text of all findings, one per line.
    std::string findingText() const {
        std::string text;
        for (const auto &entry : findings)
            text += std::string(severityName(entry.finding.severity)) + ": " + entry.finding.what + " @ " +
                    entry.finding.where + "\n";
        return text;
    }
};

Loaded load(const OnnxBuilder &builder) {
    const TempDir dir;
    FindingList findings;
    auto model = openModel(dir.write("model.onnx", builder.bytes()), findings, {});
    Loaded loaded;
    if (model)
        loaded.model = *model;
    else
        loaded.error = model.error().text();
    loaded.findings = findings.snapshot();
    return loaded;
}

std::vector<float> constantValues(const ModelGraph &graph, const std::string &name) {
    const Tensor *tensor = graph.constant(graph.findValue(name));
    if (!tensor)
        return {};
    const Tensor floats = *toFloat32(*tensor);
    return {floats.values<float>().begin(), floats.values<float>().end()};
}

TEST(OnnxImporter, SaysWhichWeightsAreNotQuantized) {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 2, 4, 4});
    builder.initializer("w", DType::Float32, {2, 3, 1, 1}, rawBytes<float>({1, 2, 3, 4, 5, 6}));
    builder.node("ConvTranspose", {"x", "w"}, {"a"}).set_name("/up/ConvTranspose");
    builder.node("ConvTranspose", {"x", "w"}, {"b"});
    builder.output("a", DType::Float32, {-1, 3, 4, 4});
    builder.output("b", DType::Float32, {-1, 3, 4, 4});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_TRUE(loaded.model->layers.empty());
    EXPECT_THAT(
        loaded.findingText(),
        HasSubstr("info: 6 of 6 parameters belong to operators that are not quantized: ConvTranspose ×2; "
                  "they run as they are @ /up/ConvTranspose"));
}

TEST(OnnxImporter, WeightsThatTheGraphComputesAreNamed) {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 2});
    builder.initializer("w", DType::Float32, {2, 2}, rawBytes<float>({1, 2, 3, 4}));
    builder.initializer("v", DType::Float32, {2}, rawBytes<float>({1, 2}));
    builder.node("MatMul", {"w", "v"}, {"wv"});
    builder.node("Div", {"w", "wv"}, {"normed"});
    builder.node("MatMul", {"x", "normed"}, {"y"}).set_name("/fc/MatMul");
    builder.output("y", DType::Float32, {-1, 2});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_THAT(loaded.findingText(), HasSubstr("info: 4 of 6 parameters"));
    EXPECT_THAT(loaded.findingText(), HasSubstr("MatMul ×1; they run as they are @ /fc/MatMul"));
}

/// x [batch, 2] · w [2, 3] + b.
OnnxBuilder smallModel() {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 2});
    builder.initializer("w", DType::Float32, {2, 3}, rawBytes<float>({1, 2, 3, 4, 5, 6}));
    builder.initializer("b", DType::Float32, {3}, rawBytes<float>({7, 8, 9}));
    builder.node("MatMul", {"x", "w"}, {"product"}).set_name("/fc/MatMul");
    builder.node("Add", {"product", "b"}, {"y"});
    builder.output("y", DType::Float32, {-1, 3});
    return builder;
}

TEST(OnnxImporter, ReadsGraphAndDeclarations) {
    const Loaded loaded = load(smallModel());
    ASSERT_TRUE(loaded.model) << loaded.error;
    const ModelGraph &graph = loaded.graph();
    EXPECT_EQ(graph.opset(), 17);
    EXPECT_EQ(graph.irVersion(), 8);
    EXPECT_EQ(graph.producer(), "quantoscope tests");
    ASSERT_EQ(graph.inputs().size(), 1u);
    const Value &input = graph.value(graph.inputs()[0]);
    EXPECT_EQ(input.shape, (Shape{-1, 2}));
    EXPECT_THAT(input.dimNames, ElementsAre("batch", ""));
    EXPECT_EQ(graph.value(graph.outputs()[0]).shape, (Shape{-1, 3}));
    EXPECT_THAT(constantValues(graph, "w"), ElementsAre(1, 2, 3, 4, 5, 6));
    ASSERT_EQ(loaded.model->layers.size(), 1u);
    EXPECT_EQ(loaded.model->layers[0].name, "fc");
    EXPECT_EQ(graph.node(1).name, "Add_1"); // made up from operator and position
    EXPECT_EQ(loaded.findingText(), "");
}

/// Whoever looks for layers or attention in a graph reads these operands.
TEST(OnnxImporter, OperatorsWithoutTheirOperandsAreRefused) {
    const auto error = [](const char *op, const std::vector<std::string> &inputs, const std::string &output) {
        OnnxBuilder builder = smallModel();
        builder.node(op, inputs, {output});
        return load(builder).error;
    };
    EXPECT_THAT(error("Softmax", {}, "z"), HasSubstr("Softmax has 0 inputs, it needs 1"));
    EXPECT_THAT(error("MatMul", {"y"}, "z"), HasSubstr("MatMul has 1 inputs, it needs 2"));
    EXPECT_THAT(error("Where", {"y", "", "y"}, "z"), HasSubstr("input 1 of Where is left out"));
    EXPECT_THAT(error("Relu", {"y"}, ""), HasSubstr("Relu has no output"));
    EXPECT_EQ(error("LSTM", {"y", "w", "w"}, ""), "") << "no sequence is wanted";
    EXPECT_EQ(error("OptionalHasElement", {""}, "z"), "") << "whether it is there is the question";
    EXPECT_EQ(error("ConstantFill", {}, "z"), "") << "its shape is an attribute";
    EXPECT_EQ(error("Relu", {"y"}, "z"), "");
}

TEST(OnnxImporter, ReadsAttributesOfEveryKind) {
    OnnxBuilder builder = smallModel();
    onnx::NodeProto &node = builder.node("Custom", {"y"}, {"z"});
    node.set_domain("my.domain");
    OnnxBuilder::attribute(node, "f", onnx::AttributeProto::FLOAT).set_f(0.5f);
    OnnxBuilder::attribute(node, "i", onnx::AttributeProto::INT).set_i(-7);
    OnnxBuilder::attribute(node, "s", onnx::AttributeProto::STRING).set_s("text");
    OnnxBuilder::attribute(node, "fs", onnx::AttributeProto::FLOATS).add_floats(1.5f);
    OnnxBuilder::attribute(node, "is", onnx::AttributeProto::INTS).add_ints(3);
    OnnxBuilder::attribute(node, "ss", onnx::AttributeProto::STRINGS).add_strings("word");
    OnnxBuilder::attribute(node, "untyped", onnx::AttributeProto::UNDEFINED).set_i(11);
    OnnxBuilder::attribute(node, "types", onnx::AttributeProto::TYPE_PROTOS);
    OnnxBuilder::fill(*OnnxBuilder::attribute(node, "t", onnx::AttributeProto::TENSOR).mutable_t(), "",
                      DType::Int64, {1}, rawBytes<std::int64_t>({42}));
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    const Node &read = loaded.graph().node(2);
    EXPECT_EQ(read.domain, "my.domain");
    EXPECT_EQ(read.floatAttribute("f", 0), 0.5);
    EXPECT_EQ(read.intAttribute("i", 0), -7);
    EXPECT_EQ(read.stringAttribute("s", ""), "text");
    EXPECT_EQ(std::get<std::vector<double>>(read.attributes.at("fs")), std::vector<double>{1.5});
    EXPECT_THAT(read.intsAttribute("is"), ElementsAre(3));
    EXPECT_EQ(std::get<std::vector<std::string>>(read.attributes.at("ss")), std::vector<std::string>{"word"});
    EXPECT_EQ(read.intAttribute("untyped", 0), 11);
    EXPECT_EQ(std::get<Tensor>(read.attributes.at("t")).values<std::int64_t>()[0], 42);
    EXPECT_FALSE(read.hasAttribute("types"));
    EXPECT_THAT(loaded.findingText(), HasSubstr("'Custom_2.types'"));
}

TEST(OnnxImporter, TurnsConstantNodesIntoConstants) {
    OnnxBuilder builder = smallModel();
    const auto constant = [&](const std::string &output, const std::string &attribute,
                              onnx::AttributeProto_AttributeType type) -> onnx::AttributeProto & {
        return OnnxBuilder::attribute(builder.node("Constant", {}, {output}), attribute, type);
    };
    OnnxBuilder::fill(*constant("c0", "value", onnx::AttributeProto::TENSOR).mutable_t(), "", DType::Float32,
                      {2}, rawBytes<float>({1, -1}));
    constant("c1", "value_float", onnx::AttributeProto::FLOAT).set_f(2.5f);
    constant("c2", "value_int", onnx::AttributeProto::INT).set_i(3);
    auto &floats = constant("c3", "value_floats", onnx::AttributeProto::FLOATS);
    floats.add_floats(4);
    floats.add_floats(5);
    constant("c4", "value_ints", onnx::AttributeProto::INTS).add_ints(6);
    constant("c5", "value_string", onnx::AttributeProto::STRING).set_s("text");
    constant("c6", "value_strings", onnx::AttributeProto::STRINGS).add_strings("words");
    auto &sparse =
        *constant("c7", "sparse_value", onnx::AttributeProto::SPARSE_TENSOR).mutable_sparse_tensor();
    OnnxBuilder::fill(*sparse.mutable_values(), "", DType::Float32, {1}, rawBytes<float>({8}));
    OnnxBuilder::fill(*sparse.mutable_indices(), "", DType::Int64, {1}, rawBytes<std::int64_t>({1}));
    sparse.add_dims(3);
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    const ModelGraph &graph = loaded.graph();
    EXPECT_EQ(graph.nodes().size(), 2u);
    EXPECT_THAT(constantValues(graph, "c0"), ElementsAre(1, -1));
    EXPECT_THAT(constantValues(graph, "c1"), ElementsAre(2.5f));
    EXPECT_EQ(graph.value(graph.findValue("c1")).shape.rank(), 0);
    EXPECT_EQ(graph.value(graph.findValue("c2")).dtype, DType::Int64);
    EXPECT_THAT(constantValues(graph, "c3"), ElementsAre(4, 5));
    EXPECT_THAT(constantValues(graph, "c4"), ElementsAre(6));
    EXPECT_EQ(graph.constant(graph.findValue("c5"))->dtype(), DType::String);
    EXPECT_EQ(graph.constant(graph.findValue("c6"))->shape(), (Shape{1}));
    EXPECT_THAT(constantValues(graph, "c7"), ElementsAre(0, 8, 0));
    EXPECT_THAT(loaded.findingText(), HasSubstr("hold text cannot be explored: 'c5', 'c6'"));
}

TEST(OnnxImporter, RefusesConstantsWithoutOneValue) {
    OnnxBuilder none = smallModel();
    none.node("Constant", {}, {"c"});
    EXPECT_THAT(load(none).error, HasSubstr("a Constant needs one attribute"));
    OnnxBuilder unknown = smallModel();
    OnnxBuilder::attribute(unknown.node("Constant", {}, {"c"}), "colour", onnx::AttributeProto::INT);
    EXPECT_THAT(load(unknown).error, HasSubstr("'colour'"));
}

TEST(OnnxImporter, InitializersThatAreInputsAreDefaults) {
    OnnxBuilder builder = smallModel();
    builder.model().set_ir_version(3);
    builder.input("w", DType::Float32, {2, 3});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_EQ(loaded.graph().inputs().size(), 1u);
    EXPECT_EQ(loaded.model->layers.size(), 1u);
}

TEST(OnnxImporter, ReadsSparseInitializersInBothForms) {
    OnnxBuilder builder = smallModel();
    const auto add = [&](const std::string &name, const std::vector<std::int64_t> &indexDims,
                         const std::vector<std::int64_t> &indices) {
        auto &sparse = *builder.graph().add_sparse_initializer();
        OnnxBuilder::fill(*sparse.mutable_values(), name, DType::Float32, {2}, rawBytes<float>({5, 6}));
        OnnxBuilder::fill(*sparse.mutable_indices(), "", DType::Int64, indexDims, rawBytes(indices));
        sparse.add_dims(2);
        sparse.add_dims(3);
    };
    add("linear", {2}, {1, 5});
    add("coordinates", {2, 2}, {0, 1, 1, 2});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_THAT(constantValues(loaded.graph(), "linear"), ElementsAre(0, 5, 0, 0, 0, 6));
    EXPECT_THAT(constantValues(loaded.graph(), "coordinates"), ElementsAre(0, 5, 0, 0, 0, 6));
}

TEST(OnnxImporter, NodeNamesAreUnique) {
    OnnxBuilder builder = smallModel();
    builder.node("Relu", {"y"}, {"r1"}).set_name("same");
    builder.node("Relu", {"y"}, {"r2"}).set_name("same");
    builder.node("Relu", {"y"}, {"r3"}).set_name("Relu_5");
    builder.node("Relu", {"y"}, {"r4"});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    std::set<std::string> names;
    for (const Node &node : loaded.graph().nodes())
        EXPECT_TRUE(names.insert(node.name).second) << node.name;
    EXPECT_TRUE(names.contains("same"));
}

TEST(OnnxImporter, NamesBecomeFitForDisplay) {
    OnnxBuilder builder = smallModel();
    builder.node("Relu", {"y"}, {"bad\xff\n"}).set_name("line\nbreak");
    builder.node("Neg", {"bad\xff\n"}, {std::string(5000, 'n')});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_THAT(loaded.graph().node(2).name, HasSubstr("line?break~"));
    EXPECT_EQ(loaded.graph().node(3).inputs[0], loaded.graph().node(2).outputs[0]);
    for (const Value &value : loaded.graph().values())
        EXPECT_LE(value.name.size(), 512u);
}

TEST(OnnxImporter, SubgraphsSeeTheNamesAroundThem) {
    OnnxBuilder builder = smallModel();
    builder.input("condition", DType::Bool, {});
    // Out of order on purpose: the If stands before the node whose output its branch reads.
    onnx::NodeProto branch;
    onnx::NodeProto &choice = builder.node("If", {"condition"}, {"z"});
    builder.node("Relu", {"y"}, {"late"});
    for (const std::string name : {"then_branch", "else_branch"}) {
        auto &graph = *OnnxBuilder::attribute(choice, name, onnx::AttributeProto::GRAPH).mutable_g();
        OnnxBuilder::addNode(graph, "Add", {name == "then_branch" ? "late" : "y", "b"}, {"inner"});
        OnnxBuilder::describe(*graph.add_output(), "inner", DType::Float32, {-1, 3});
    }
    builder.output("z", DType::Float32, {-1, 3});
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    const ModelGraph &graph = loaded.graph();
    ASSERT_EQ(graph.nodes().size(), 4u);
    EXPECT_EQ(graph.node(3).opType, "If"); // after everything that its branches read
    EXPECT_THAT(graph.consumers(graph.findValue("late")), ElementsAre(3));
    EXPECT_THAT(graph.consumers(graph.findValue("b")), ElementsAre(1, 3));
    const auto &then =
        *std::get<std::shared_ptr<const ModelGraph>>(graph.node(3).attributes.at("then_branch"));
    EXPECT_EQ(then.nodes().size(), 1u);
    EXPECT_EQ(then.opset(), 17);
}

/// If inside If inside If …; the innermost branch reads `name`.
void nest(onnx::NodeProto &node, int depth, const std::string &name) {
    for (const std::string branch : {"then_branch", "else_branch"}) {
        auto &graph = *OnnxBuilder::attribute(node, branch, onnx::AttributeProto::GRAPH).mutable_g();
        const std::string output = branch + std::to_string(depth);
        if (depth > 1 && branch == "then_branch")
            nest(OnnxBuilder::addNode(graph, "If", {"condition"}, {output}), depth - 1, name);
        else
            OnnxBuilder::addNode(graph, "Relu", {name}, {output});
        OnnxBuilder::describe(*graph.add_output(), output, DType::Float32, {});
    }
}

TEST(OnnxImporter, CapturesPassThroughNestedSubgraphs) {
    OnnxBuilder builder = smallModel();
    builder.input("condition", DType::Bool, {});
    nest(builder.node("If", {"condition"}, {"z"}), 3, "product");
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_THAT(loaded.graph().consumers(loaded.graph().findValue("product")), ElementsAre(1, 2));

    OnnxBuilder dangling = smallModel();
    dangling.input("condition", DType::Bool, {});
    nest(dangling.node("If", {"condition"}, {"z"}), 3, "nowhere");
    EXPECT_THAT(load(dangling).error, HasSubstr("'nowhere'"));
}

TEST(OnnxImporter, SubgraphDepthIsLimited) {
    const auto nested = [](int depth) {
        OnnxBuilder builder = smallModel();
        builder.input("condition", DType::Bool, {});
        nest(builder.node("If", {"condition"}, {"z"}), depth, "y");
        return load(builder);
    };
    EXPECT_TRUE(nested(64).model);
    EXPECT_THAT(nested(65).error, HasSubstr("deeper than 64"));
    EXPECT_FALSE(nested(500).model); // protobuf's own limit
}

TEST(OnnxImporter, ReportsShadowedNames) {
    OnnxBuilder builder = smallModel();
    builder.input("condition", DType::Bool, {});
    onnx::NodeProto &choice = builder.node("If", {"condition"}, {"z"});
    auto &graph = *OnnxBuilder::attribute(choice, "then_branch", onnx::AttributeProto::GRAPH).mutable_g();
    OnnxBuilder::addNode(graph, "Relu", {"y"}, {"product"});
    OnnxBuilder::describe(*graph.add_output(), "product", DType::Float32, {});
    EXPECT_THAT(load(builder).findingText(), HasSubstr("exist around them: 'product'"));
}

TEST(OnnxImporter, FunctionsThatDoNotFitTheirCallsAppearAsOperators) {
    OnnxBuilder builder = smallModel();
    auto &function = *builder.model().add_functions();
    function.set_name("MyFunction");
    function.set_domain("my.domain");
    builder.node("MyFunction", {"y"}, {"z"}).set_domain("my.domain");
    const Loaded loaded = load(builder);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_EQ(loaded.graph().nodes().size(), 3u);
    EXPECT_THAT(loaded.findingText(), HasSubstr("'MyFunction' is a function"));
}

TEST(OnnxImporter, NewVersionsAreWarnedOf) {
    OnnxBuilder newer = smallModel();
    newer.model().set_ir_version(14);
    newer.model().mutable_opset_import(0)->set_version(27);
    const Loaded loaded = load(newer);
    ASSERT_TRUE(loaded.model) << loaded.error;
    EXPECT_THAT(loaded.findingText(), testing::AllOf(HasSubstr("IR version 14"), HasSubstr("opset 27")));
    OnnxBuilder known = smallModel();
    known.model().set_ir_version(13);
    known.model().mutable_opset_import(0)->set_version(26);
    EXPECT_EQ(load(known).findingText(), "");
    OnnxBuilder without = smallModel();
    without.model().clear_opset_import();
    EXPECT_THAT(load(without).findingText(), HasSubstr("no opset"));
}

TEST(OnnxImporter, RefusesContradictoryGraphs) {
    const auto errorOf = [](const std::function<void(OnnxBuilder &)> &change) {
        OnnxBuilder builder = smallModel();
        change(builder);
        return load(builder).error;
    };
    EXPECT_THAT(errorOf([](auto &b) { b.initializer("w", DType::Float32, {1}, rawBytes<float>({1})); }),
                HasSubstr("defined twice"));
    EXPECT_THAT(errorOf([](auto &b) { b.initializer("", DType::Float32, {1}, rawBytes<float>({1})); }),
                HasSubstr("no name"));
    EXPECT_THAT(errorOf([](auto &b) { b.node("Relu", {"x"}, {"y"}); }), HasSubstr("defined twice"));
    EXPECT_THAT(errorOf([](auto &b) { b.node("Relu", {"x"}, {"w"}); }), HasSubstr("defined twice"));
    EXPECT_THAT(errorOf([](auto &b) { b.node("Relu", {"y"}, {"x"}); }), HasSubstr("graph input"));
    EXPECT_THAT(errorOf([](auto &b) { b.node("Relu", {"missing"}, {"z"}); }), HasSubstr("'missing'"));
    EXPECT_THAT(errorOf([](auto &b) { b.input("x", DType::Float32, {1}); }), HasSubstr("another input"));
    EXPECT_THAT(errorOf([](auto &b) { b.input("", DType::Float32, {1}); }), HasSubstr("no name"));
    EXPECT_THAT(errorOf([](auto &b) { b.output("missing", DType::Float32, {1}); }), HasSubstr("'missing'"));
    EXPECT_THAT(errorOf([](auto &b) { b.output("", DType::Float32, {1}); }), HasSubstr("no name"));
    EXPECT_THAT(errorOf([](auto &b) {
                    b.node("Relu", {"loop"}, {"pool"});
                    b.node("Relu", {"pool"}, {"loop"});
                }),
                HasSubstr("cycle"));
    EXPECT_THAT(errorOf([](auto &b) { b.model().clear_graph(); }), HasSubstr("no graph"));
    EXPECT_THAT(errorOf([](auto &b) {
                    auto &node = b.node("Relu", {"y"}, {"z"});
                    OnnxBuilder::attribute(node, "a", onnx::AttributeProto::INT).set_i(1);
                    OnnxBuilder::attribute(node, "a", onnx::AttributeProto::INT).set_i(2);
                }),
                HasSubstr("given twice"));
    EXPECT_THAT(errorOf([](auto &b) {
                    b.input("big", DType::Float32, {std::int64_t(1) << 40, std::int64_t(1) << 40});
                }),
                HasSubstr("too many elements"));
}

TEST(OnnxImporter, TensorsInAttributesAreCheckedLikeOthers) {
    OnnxBuilder builder = smallModel();
    auto &node = builder.node("Relu", {"y"}, {"z"});
    auto &value = *OnnxBuilder::attribute(node, "big", onnx::AttributeProto::TENSOR).mutable_t();
    OnnxBuilder::fill(value, "", DType::Float32, {std::int64_t(1) << 40}, "abcd");
    EXPECT_THAT(load(builder).error,
                testing::AllOf(HasSubstr("attribute 'big'"), HasSubstr("4 bytes of data")));
}

TEST(OnnxImporter, FilesBeyondTwoGibibytesAreRefusedUnread) {
    TempDir dir;
    const auto file = dir.write("large.onnx", smallModel().bytes());
    std::filesystem::resize_file(file, std::uintmax_t(3) << 30); // sparse
    FindingList findings;
    const auto model = OnnxImporter().load(file, findings, {});
    ASSERT_FALSE(model);
    EXPECT_THAT(model.error().text(), HasSubstr("larger than 2 GiB"));
}

TEST(OnnxImporter, ReportsNonFiniteWeightsAndEmptyChannels) {
    const float nan = std::numeric_limits<float>::quiet_NaN(),
                infinity = std::numeric_limits<float>::infinity();
    OnnxBuilder builder = smallModel();
    *builder.graph().mutable_initializer(0)->mutable_raw_data() =
        rawBytes<float>({0, 2, nan, -0.0f, infinity, 6});
    builder.initializer("mask", DType::Float32, {2}, rawBytes<float>({0, -infinity}));
    builder.initializer("half", DType::Float16, {2}, rawBytes<std::uint16_t>({0x3c00, 0x7e00}));
    builder.initializer("fp8", DType::Float8E4M3FN, {1, 2}, "\x7f\x38");
    const std::string text = load(builder).findingText();
    EXPECT_THAT(
        text,
        HasSubstr(
            "warning: constant 'w' [2, 3] has 1 NaN and 1 infinite values; the first is at [0, 2] @ fc"));
    EXPECT_THAT(
        text,
        HasSubstr("info: constant 'mask' [2] has 0 NaN and 1 infinite values; the first is at [1] @ mask"));
    EXPECT_THAT(text, HasSubstr("warning: constant 'half' [2] has 1 NaN"));
    EXPECT_THAT(
        text,
        HasSubstr("warning: constant 'fp8' [1, 2] has 1 NaN and 0 infinite values; the first is at [0, 0]"));
    EXPECT_THAT(text, HasSubstr("info: 1 of 3 output channels have only zero weights @ fc"));
}

TEST(OnnxImporter, FindsZeroChannelsOfConvolutions) {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 1, 4, 4});
    std::vector<float> weight(3 * 1 * 2 * 2, 0.0f);
    weight[4] = 1; // channel 1
    builder.initializer("w", DType::Float32, {3, 1, 2, 2}, rawBytes(weight));
    builder.node("Conv", {"x", "w"}, {"y"}).set_name("/stem/Conv");
    builder.output("y", DType::Float32, {});
    EXPECT_THAT(load(builder).findingText(),
                HasSubstr("info: 2 of 3 output channels have only zero weights @ stem"));
}

} // namespace
} // namespace qs
