#include "core/export/exporters/onnx_opset_upgrade.h"

#include "tests/support/onnx_text_model.h"

#include <onnx/onnx_pb.h>

namespace qs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

onnx::ModelProto modelWith(int opset, const std::string &body) {
    return parseOnnxText("<ir_version: 4, opset_import: [\"\" : " + std::to_string(opset) +
                         "]> g (float[2,3,4] x) => (float[N] y) {" + body + "}");
}

std::vector<std::string> opTypes(const onnx::GraphProto &graph) {
    std::vector<std::string> types;
    for (const auto &node : graph.node())
        types.push_back(node.op_type());
    return types;
}

std::vector<std::int64_t> constantInts(const onnx::GraphProto &graph, const std::string &name) {
    for (const auto &node : graph.node())
        if (node.op_type() == "Constant" && node.output(0) == name) {
            const std::string &raw = node.attribute(0).t().raw_data();
            const auto *values = reinterpret_cast<const std::int64_t *>(raw.data());
            return {values, values + raw.size() / sizeof(std::int64_t)};
        }
    return {-999};
}

const onnx::NodeProto &nodeOf(const onnx::GraphProto &graph, const std::string &opType) {
    for (const auto &node : graph.node())
        if (node.op_type() == opType)
            return node;
    ADD_FAILURE() << "no " << opType;
    return graph.node(0);
}

TEST(OpsetUpgrade, NewerModelIsLeftAlone) {
    auto model = modelWith(22, "y = Relu(x)");
    model.set_ir_version(11);
    const std::string before = model.SerializeAsString();
    ASSERT_TRUE(upgradeOpset(model, 21));
    EXPECT_EQ(model.SerializeAsString(), before);
}

TEST(OpsetUpgrade, IrVersionRisesWithTheOpset) {
    auto model = modelWith(9, "y = Relu(x)");
    ASSERT_TRUE(upgradeOpset(model, 13));
    EXPECT_EQ(defaultOpset(model), 13);
    EXPECT_EQ(model.ir_version(), 7);
    ASSERT_TRUE(upgradeOpset(model, 21));
    EXPECT_EQ(model.ir_version(), 10);
}

TEST(OpsetUpgrade, AxesAttributeBecomesAnInput) {
    for (const std::string op : {"ReduceMean", "ReduceMax", "ReduceL2"}) {
        auto model = modelWith(17, "y = " + op + " <axes = [1, 2], keepdims = 0> (x)");
        ASSERT_TRUE(upgradeOpset(model, 21));
        const onnx::NodeProto &node = nodeOf(model.graph(), op);
        ASSERT_EQ(node.input_size(), 2);
        EXPECT_THAT(constantInts(model.graph(), node.input(1)), ElementsAre(1, 2));
        ASSERT_EQ(node.attribute_size(), 1);
        EXPECT_EQ(node.attribute(0).name(), "keepdims");
    }
    auto untouched = modelWith(17, "y = ReduceMean <axes = [1]> (x)");
    ASSERT_TRUE(upgradeOpset(untouched, 13));
    EXPECT_EQ(nodeOf(untouched.graph(), "ReduceMean").input_size(), 1);
}

TEST(OpsetUpgrade, SplitSaysIntoHowManyParts) {
    auto model = modelWith(11, "a, y = Split <axis = 2> (x)");
    ASSERT_TRUE(upgradeOpset(model, 21));
    const onnx::NodeProto &node = nodeOf(model.graph(), "Split");
    EXPECT_EQ(node.attribute(1).name(), "num_outputs");
    EXPECT_EQ(node.attribute(1).i(), 2);
    auto sized = modelWith(11, "a, y = Split <axis = 2, split = [1, 3]> (x)");
    ASSERT_TRUE(upgradeOpset(sized, 21));
    const onnx::NodeProto &parts = nodeOf(sized.graph(), "Split");
    EXPECT_THAT(constantInts(sized.graph(), parts.input(1)), ElementsAre(1, 3));
    EXPECT_EQ(parts.attribute_size(), 1);
}

TEST(OpsetUpgrade, SoftmaxKeepsItsOldFlattening) {
    auto model = modelWith(11, "y = Softmax <axis = 1> (x)");
    ASSERT_TRUE(upgradeOpset(model, 13));
    EXPECT_THAT(opTypes(model.graph()), ElementsAre("Shape", "Flatten", "Softmax", "Reshape"));
    EXPECT_EQ(model.graph().node(3).output(0), "y");
    auto last = modelWith(11, "y = Softmax <axis = -1> (x)");
    ASSERT_TRUE(upgradeOpset(last, 13));
    EXPECT_THAT(opTypes(last.graph()), ElementsAre("Softmax"));
    EXPECT_EQ(last.graph().node(0).attribute(0).i(), -1);
}

TEST(OpsetUpgrade, LimitsAndPadsBecomeInputs) {
    auto model = modelWith(10, "a = Clip <max = 6.0> (x) y = Pad <pads = [0,0,1,0,0,1], value = 2.0> (a)");
    ASSERT_TRUE(upgradeOpset(model, 21));
    const onnx::NodeProto &clip = nodeOf(model.graph(), "Clip"), &pad = nodeOf(model.graph(), "Pad");
    ASSERT_EQ(clip.input_size(), 3);
    EXPECT_EQ(clip.input(1), "") << "no lower limit was given";
    EXPECT_EQ(clip.attribute_size(), 0);
    EXPECT_THAT(constantInts(model.graph(), pad.input(1)), ElementsAre(0, 0, 1, 0, 0, 1));
    EXPECT_EQ(pad.input_size(), 3);
}

TEST(OpsetUpgrade, UpsampleBecomesResizeByItsOldRule) {
    auto model = modelWith(7, "y = Upsample <mode = \"nearest\", scales = [1.0, 2.0, 2.0]> (x)");
    ASSERT_TRUE(upgradeOpset(model, 13));
    const onnx::NodeProto &resize = nodeOf(model.graph(), "Resize");
    ASSERT_EQ(resize.input_size(), 3);
    EXPECT_EQ(resize.input(1), "");
    EXPECT_EQ(resize.attribute(1).s(), "floor");
    EXPECT_EQ(resize.attribute(2).s(), "asymmetric");
}

TEST(OpsetUpgrade, ConstantFillBecomesConstantOfShape) {
    const auto upgraded = [](const std::string &node) {
        auto model = modelWith(7, "s = Shape(x) f = " + node + " y = Add(f, f)");
        const Status status = upgradeOpset(model, 13);
        EXPECT_TRUE(status) << status.error().text();
        return model;
    };
    const auto content = upgraded("ConstantFill<input_as_shape = 1, dtype = 7, value = 2.0>(s)");
    const onnx::NodeProto &fill = nodeOf(content.graph(), "ConstantOfShape");
    EXPECT_EQ(fill.input(0), "s");
    ASSERT_EQ(fill.attribute_size(), 1);
    EXPECT_EQ(fill.attribute(0).t().data_type(), onnx::TensorProto::INT64);
    EXPECT_EQ(fill.attribute(0).t().raw_data()[0], 2);
    const auto listed = upgraded("ConstantFill<shape = [2, 3]>()");
    EXPECT_THAT(constantInts(listed.graph(), nodeOf(listed.graph(), "ConstantOfShape").input(0)),
                ElementsAre(2, 3));
    EXPECT_THAT(opTypes(upgraded("ConstantFill<value = 1.0>(x)").graph()),
                ElementsAre("Shape", "Shape", "ConstantOfShape", "Add"));
    auto extra = modelWith(7, "y = ConstantFill<extra_shape = [2]>(x)");
    EXPECT_FALSE(upgradeOpset(extra, 13));
}

TEST(OpsetUpgrade, ResizeRoundsUpWhereItShrinks) {
    const auto upgraded = [](const std::string &scales) {
        auto model = modelWith(10, "s = Constant <value = float[3] {" + scales +
                                       "}> () y = Resize <mode = \"nearest\"> (x, s)");
        const Status status = upgradeOpset(model, 13);
        return status ? nodeOf(model.graph(), "Resize").attribute(1).s() : status.error().message;
    };
    EXPECT_EQ(upgraded("1.0, 0.5, 0.75"), "ceil");
    EXPECT_EQ(upgraded("1.0, 2.0, 1.0"), "floor");
    EXPECT_THAT(upgraded("1.0, 2.0, 0.5"), testing::HasSubstr("above and below 1"));
    auto computed = modelWith(10, "s = Relu(x) y = Resize <mode = \"nearest\"> (x, s)");
    EXPECT_FALSE(upgradeOpset(computed, 13));
}

TEST(OpsetUpgrade, SubgraphsAreUpgradedToo) {
    auto model = modelWith(11, "y = Relu(x)");
    auto inner = modelWith(11, "y = Squeeze <axes = [0]> (x)");
    onnx::NodeProto &branch = *model.mutable_graph()->add_node();
    branch.set_op_type("If");
    onnx::AttributeProto &attribute = *branch.add_attribute();
    attribute.set_name("then_branch");
    attribute.set_type(onnx::AttributeProto::GRAPH);
    *attribute.mutable_g() = inner.graph();
    ASSERT_TRUE(upgradeOpset(model, 13));
    const auto &upgraded = model.graph().node(1).attribute(0).g();
    EXPECT_THAT(opTypes(upgraded), ElementsAre("Constant", "Squeeze"));
    EXPECT_EQ(upgraded.node(1).input_size(), 2);
}

TEST(OpsetUpgrade, NewNamesClashWithNone) {
    auto model = modelWith(11, "y_axes = Relu(x) y = Squeeze <axes = [0]> (y_axes)");
    ASSERT_TRUE(upgradeOpset(model, 13));
    EXPECT_EQ(nodeOf(model.graph(), "Squeeze").input(1), "y_axes_2");
}

TEST(OpsetUpgrade, RefusalsNameOperatorAndNode) {
    auto unknown = modelWith(17, "y = GroupNormalization <num_groups = 2> (x, x, x)");
    unknown.mutable_graph()->mutable_node(0)->set_name("norm");
    const Status refused = upgradeOpset(unknown, 21);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(refused.error().text(), HasSubstr("norm: operator GroupNormalization"));
    auto training = modelWith(9, "y, mean = BatchNormalization(x, x, x, x, x)");
    EXPECT_FALSE(upgradeOpset(training, 21));
    auto old = modelWith(6, "y = Relu(x)");
    EXPECT_THAT(upgradeOpset(old, 13).error().message, HasSubstr("operator set 6"));
    auto elsewhere = modelWith(11, "y = com.example.Anything(x)");
    EXPECT_TRUE(upgradeOpset(elsewhere, 13)) << "other domains have versions of their own";
}

} // namespace
} // namespace qs
