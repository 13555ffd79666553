#include "core/exec/shape_trace.h"
#include "core/tensor/convert.h"
#include "tests/core/exec/one_operator.h"

#include <cmath>
#include <fmt/format.h>
#include <fstream>

namespace qs {
namespace {

using Json = nlohmann::json;

/// A tensor of tests/golden/operators: its type, shape and elements. Numbers are exact in double.
Tensor readTensor(const Json &json) {
    if (json.is_null())
        return {};
    const Tensor values = Tensor::fromValues<double>(Shape(json["shape"].get<std::vector<std::int64_t>>()),
                                                     json["data"].get<std::vector<double>>());
    const auto converted = castTensor(values, dtypeFromName(json["type"].get<std::string>()));
    EXPECT_TRUE(converted);
    return converted ? *converted : Tensor{};
}

Attribute readAttribute(const Json &json) {
    if (json.is_string())
        return json.get<std::string>();
    if (json.is_number_float())
        return json.get<double>();
    if (json.is_number())
        return json.get<std::int64_t>();
    if (json.at(0).is_string())
        return json.get<std::vector<std::string>>();
    if (json.at(0).is_number_float())
        return json.get<std::vector<double>>();
    return json.get<std::vector<std::int64_t>>();
}

OneOperator readOperator(const Json &entry) {
    OneOperator op{entry["op"], entry["opset"], {}, static_cast<int>(entry["expected"].size())};
    for (const auto &[name, value] : entry["attributes"].items())
        op.attributes[name] = readAttribute(value);
    return op;
}

std::string difference(const Tensor &found, const Tensor &expected) {
    if (found.dtype() != expected.dtype() || found.shape() != expected.shape())
        return fmt::format("is {} {}, expected {} {}", dtypeName(found.dtype()), found.shape().text(),
                           dtypeName(expected.dtype()), expected.shape().text());
    const Tensor f = *castTensor(found, DType::Float64), e = *castTensor(expected, DType::Float64);
    double largest = 0;
    for (const double x : e.values<double>())
        largest = std::max(largest, std::fabs(x));
    const double tolerance = isFloatingPoint(found.dtype()) ? 2e-5 * largest : 0;
    for (std::size_t i = 0; i < e.values<double>().size(); ++i)
        if (!(std::fabs(f.values<double>()[i] - e.values<double>()[i]) <= tolerance))
            return fmt::format("element {} is {}, expected {}", i, f.values<double>()[i],
                               e.values<double>()[i]);
    return "";
}

/// What ONNX Runtime computed for single operators.
Json goldenCases() {
    std::ifstream stream(std::filesystem::path(QS_TEST_DATA) / "operators" / "onnx_runtime.json");
    Json cases = Json::parse(stream)["cases"];
    EXPECT_GT(cases.size(), 150u);
    return cases;
}

std::string nameOf(const Json &entry) {
    return fmt::format("{} {} {}", entry["op"].get<std::string>(), entry["opset"].get<int>(),
                       entry["attributes"].dump());
}

TEST(Operators, AgreeWithOnnxRuntime) {
    for (const Json &entry : goldenCases()) {
        const std::string name = nameOf(entry);
        std::vector<Tensor> inputs;
        for (const Json &input : entry["inputs"])
            inputs.push_back(readTensor(input));
        const Outputs outputs = readOperator(entry).run(std::move(inputs));
        EXPECT_TRUE(outputs) << name << ": " << outputs.error().text();
        if (!outputs)
            continue;
        for (std::size_t i = 0; i < entry["expected"].size(); ++i)
            EXPECT_EQ(difference((*outputs)[i], readTensor(entry["expected"][i])), "")
                << name << ", output " << i;
    }
}

/// The operator in a graph whose first operand is an input (unless sizes depend on it), all others constant.
ModelGraph graphOf(const Json &entry) {
    GraphBuilder builder;
    builder.setOpset("", entry["opset"]);
    const OneOperator op = readOperator(entry);
    Node node{"node", op.type, "", {}, {}, op.attributes};
    const bool sizeIsFirst = op.type.ends_with("Window") || op.type == "MelWeightMatrix";
    for (std::size_t i = 0; i < entry["inputs"].size(); ++i) {
        const Tensor tensor = readTensor(entry["inputs"][i]);
        node.inputs.push_back(tensor.empty() ? kNoValue : builder.value("in" + std::to_string(i)));
        if (i == 0 && !sizeIsFirst) {
            builder.describe(node.inputs[i], tensor.dtype(), tensor.shape());
            builder.addInput(node.inputs[i]);
        } else if (!tensor.empty()) {
            EXPECT_TRUE(builder.addConstant(node.inputs[i], tensor));
        }
    }
    for (int i = 0; i < op.outputs; ++i)
        node.outputs.push_back(builder.value("out" + std::to_string(i)));
    EXPECT_TRUE(builder.addNode(std::move(node)));
    auto graph = std::move(builder).finish();
    EXPECT_TRUE(graph) << graph.error().text();
    return std::move(*graph);
}

TEST(ShapeRules, GiveTheShapesThatOnnxRuntimeGives) {
    for (const Json &entry : goldenCases()) {
        const ModelGraph graph = graphOf(entry);
        std::vector<Shape> inputs;
        for (const ValueId id : graph.inputs())
            inputs.push_back(graph.value(id).shape);
        const auto trace = traceShapes(graph, inputs, {});
        EXPECT_TRUE(trace) << nameOf(entry) << ": " << trace.error().text();
        if (!trace)
            continue;
        for (const TraceGap &gap : trace->gaps)
            ADD_FAILURE() << nameOf(entry) << ": " << gap.reason;
        for (std::size_t i = 0; i < entry["expected"].size(); ++i) {
            const Json &expected = entry["expected"][i];
            const TracedValue &found = (*trace)[graph.node(0).outputs[i]];
            EXPECT_EQ(found.shape.dims(), expected["shape"].get<std::vector<std::int64_t>>())
                << nameOf(entry);
            EXPECT_EQ(dtypeName(found.dtype), expected["type"].get<std::string>()) << nameOf(entry);
        }
    }
}

} // namespace
} // namespace qs
