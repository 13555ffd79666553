#pragma once

#include "core/tensor/convert.h"
#include "tests/core/exec/one_operator.h"

#include <fstream>

namespace qs {

/// One entry of tests/golden/operators/onnx_runtime.json: an operator, its operands and what ONNX Runtime
/// made of them.
struct GoldenOperator {
    OneOperator op;
    std::vector<Tensor> inputs, expected;
    std::string name; ///< for messages: operator, opset and attributes
};

/// Numbers of the file are exact in double.
inline Tensor readTensor(const nlohmann::json &json) {
    if (json.is_null())
        return {};
    const Tensor values = Tensor::fromValues<double>(Shape(json["shape"].get<std::vector<std::int64_t>>()),
                                                     json["data"].get<std::vector<double>>());
    const auto converted = castTensor(values, dtypeFromName(json["type"].get<std::string>()));
    EXPECT_TRUE(converted);
    return converted ? *converted : Tensor{};
}

inline Attribute readAttribute(const nlohmann::json &json) {
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

inline std::vector<GoldenOperator> goldenOperators() {
    std::ifstream stream(std::filesystem::path(QS_TEST_DATA) / "operators" / "onnx_runtime.json");
    std::vector<GoldenOperator> cases;
    const nlohmann::json file = nlohmann::json::parse(stream);
    for (const nlohmann::json &entry : file["cases"]) {
        GoldenOperator golden;
        golden.op = {entry["op"], entry["opset"], {}, static_cast<int>(entry["expected"].size())};
        golden.name =
            golden.op.type + " " + std::to_string(golden.op.opset) + " " + entry["attributes"].dump();
        for (const auto &[name, value] : entry["attributes"].items())
            golden.op.attributes[name] = readAttribute(value);
        for (const nlohmann::json &input : entry["inputs"])
            golden.inputs.push_back(readTensor(input));
        for (const nlohmann::json &expected : entry["expected"])
            golden.expected.push_back(readTensor(expected));
        cases.push_back(std::move(golden));
    }
    EXPECT_GT(cases.size(), 150u);
    return cases;
}

/// The operator in a graph whose first operand is an input, all others constants.
/// \param allConstant  the first one, too: for operators whose shapes depend on it
inline Result<ModelGraph> graphOf(const OneOperator &op, const std::vector<Tensor> &inputs,
                                  bool allConstant) {
    GraphBuilder builder;
    builder.setOpset(op.domain, op.opset);
    Node node{"node", op.type, op.domain, {}, {}, op.attributes};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        node.inputs.push_back(inputs[i].empty() ? kNoValue : builder.value("in" + std::to_string(i)));
        if (inputs[i].empty())
            continue;
        if (i == 0 && !allConstant) {
            builder.describe(node.inputs[i], inputs[i].dtype(), inputs[i].shape());
            builder.addInput(node.inputs[i]);
        } else {
            QS_CHECK_OK(builder.addConstant(node.inputs[i], inputs[i]));
        }
    }
    for (int i = 0; i < op.outputs; ++i) {
        node.outputs.push_back(builder.value("out" + std::to_string(i)));
        builder.addOutput(node.outputs.back());
    }
    QS_CHECK_OK(builder.addNode(std::move(node)));
    return std::move(builder).finish();
}

} // namespace qs
