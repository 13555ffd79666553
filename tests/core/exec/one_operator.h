#pragma once

#include "core/exec/kernel_list.h"

namespace qs {

/// One operator of the reference backend, to be run on tensors without a model around it.
struct OneOperator {
    std::string type;
    std::int64_t opset = 17;
    std::map<std::string, Attribute> attributes = {};
    int outputs = 1;
    std::string domain = {};

    /// \error Unsupported  the kernel refuses this form
    Outputs run(std::vector<Tensor> inputs, std::size_t limitBytes = 0) const {
        GraphBuilder builder;
        builder.setOpset(domain, opset);
        Node node{"node", type, domain, {}, {}, attributes};
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const ValueId id = inputs[i].empty() ? kNoValue : builder.value("in" + std::to_string(i));
            node.inputs.push_back(id);
            if (id != kNoValue)
                builder.addInput(id);
        }
        for (int i = 0; i < outputs; ++i)
            node.outputs.push_back(builder.value("out" + std::to_string(i)));
        QS_CHECK_OK(builder.addNode(std::move(node)));
        QS_TRY(const ModelGraph graph, std::move(builder).finish());
        QS_TRY(const Kernel kernel, createKernel(referenceKernels(), graph.node(0), graph));
        const RunContext ctx;
        const auto pool = BufferPool::create();
        KernelCall call{inputs, ctx, *pool, limitBytes};
        return kernel(call);
    }
};

template <typename T>
Tensor tensorOf(Shape shape, const std::vector<T> &values) {
    return Tensor::fromValues<T>(std::move(shape), values);
}

/// A list of int64, as axes, shapes and indices are given.
inline Tensor intList(const std::vector<std::int64_t> &values) {
    return tensorOf<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

template <typename T>
std::vector<T> valuesOf(const Tensor &tensor) {
    const auto values = tensor.values<T>();
    return {values.begin(), values.end()};
}

/// The values of an output, or none and a failed test with the error.
template <typename T>
std::vector<T> outputOf(const Outputs &outputs, std::size_t index = 0) {
    EXPECT_TRUE(outputs) << outputs.error().text();
    return outputs ? valuesOf<T>((*outputs)[index]) : std::vector<T>{};
}

inline ErrorCode errorOf(const Outputs &outputs) {
    EXPECT_FALSE(outputs) << "must be refused";
    return outputs ? ErrorCode::Cancelled : outputs.error().code;
}

} // namespace qs
