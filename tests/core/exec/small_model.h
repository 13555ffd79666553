#pragma once

#include "core/exec/executor.h"

namespace qs {

/// Builds a model in a few lines: inputs, constants, nodes; the last node's output is the graph's last.
class SmallModel {
public:
    explicit SmallModel(std::int64_t opset = 17) { m_builder.setOpset("", opset); }

    SmallModel &input(const std::string &name, DType type, Shape shape) {
        const ValueId id = m_builder.value(name);
        m_builder.describe(id, type, std::move(shape));
        m_builder.addInput(id);
        return *this;
    }
    SmallModel &constant(const std::string &name, Tensor tensor) {
        EXPECT_TRUE(m_builder.addConstant(m_builder.value(name), std::move(tensor)));
        return *this;
    }
    SmallModel &floats(const std::string &name, Shape shape, const std::vector<float> &values) {
        return constant(name, Tensor::fromValues<float>(std::move(shape), values));
    }
    SmallModel &ints(const std::string &name, const std::vector<std::int64_t> &values) {
        return constant(
            name, Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
    }
    SmallModel &node(const std::string &op, const std::vector<std::string> &inputs,
                     const std::vector<std::string> &outputs,
                     std::map<std::string, Attribute> attributes = {}) {
        Node node;
        node.name = "/" + outputs.front() + "/" + op;
        node.opType = op;
        for (const std::string &name : inputs)
            node.inputs.push_back(m_builder.value(name));
        for (const std::string &name : outputs)
            node.outputs.push_back(m_builder.value(name));
        node.attributes = std::move(attributes);
        EXPECT_TRUE(m_builder.addNode(std::move(node)));
        m_last = m_builder.value(outputs.front());
        return *this;
    }
    /// One more output, before that of the last node.
    SmallModel &output(const std::string &name) {
        m_builder.addOutput(m_builder.value(name));
        return *this;
    }
    std::shared_ptr<const Model> build() {
        m_builder.addOutput(m_last);
        auto graph = std::move(m_builder).finish();
        EXPECT_TRUE(graph) << graph.error().text();
        auto model = std::make_shared<Model>();
        model->graph = std::move(*graph);
        model->layers = findLayers(model->graph);
        return model;
    }
    std::shared_ptr<const Executor> executor(const ExecutorOptions &options = {}) {
        auto executor = Executor::create(build(), options);
        EXPECT_TRUE(executor) << executor.error().text();
        return executor ? *executor : nullptr;
    }

private:
    GraphBuilder m_builder;
    ValueId m_last = kNoValue;
};

inline Tensor floatTensor(Shape shape, const std::vector<float> &values) {
    return Tensor::fromValues<float>(std::move(shape), values);
}

inline std::vector<float> floatsOf(const Tensor &tensor) {
    const auto values = tensor.values<float>();
    return {values.begin(), values.end()};
}

/// Runs a model that must succeed. \return its only output
inline Tensor runOne(const Executor &executor, std::vector<Tensor> inputs, const PassOptions &options = {},
                     const RunContext &ctx = {}) {
    auto outputs = executor.run(std::move(inputs), options, ctx);
    EXPECT_TRUE(outputs) << outputs.error().text();
    return outputs ? outputs->front() : Tensor{};
}

} // namespace qs
