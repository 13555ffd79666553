#pragma once

#include "core/tensor/tensor.h"

#include <onnx/onnx_pb.h>
#include <string>
#include <vector>

namespace qs {

/// Builds small ONNX models for tests, also wrong ones: every message can be changed before it is written.
class OnnxBuilder {
public:
    explicit OnnxBuilder(std::int64_t opset = 17, std::int64_t irVersion = 8);

    onnx::ModelProto &model() { return m_model; }
    onnx::GraphProto &graph() { return *m_model.mutable_graph(); }
    std::string bytes() const { return m_model.SerializeAsString(); }

    /// A dimension of -1 becomes the symbol "batch".
    onnx::ValueInfoProto &input(const std::string &name, DType type, const std::vector<std::int64_t> &dims);
    onnx::ValueInfoProto &output(const std::string &name, DType type, const std::vector<std::int64_t> &dims);
    onnx::TensorProto &initializer(const std::string &name, DType type, const std::vector<std::int64_t> &dims,
                                   const std::string &rawData = {});
    onnx::NodeProto &node(const std::string &opType, const std::vector<std::string> &inputs,
                          const std::vector<std::string> &outputs);

    /// Fills any graph message the same way, for subgraphs.
    static onnx::NodeProto &addNode(onnx::GraphProto &graph, const std::string &opType,
                                    const std::vector<std::string> &inputs,
                                    const std::vector<std::string> &outputs);
    static void describe(onnx::ValueInfoProto &info, const std::string &name, DType type,
                         const std::vector<std::int64_t> &dims);
    static void fill(onnx::TensorProto &tensor, const std::string &name, DType type,
                     const std::vector<std::int64_t> &dims, const std::string &rawData = {});
    static onnx::AttributeProto &attribute(onnx::NodeProto &node, const std::string &name,
                                           onnx::AttributeProto_AttributeType type);

private:
    onnx::ModelProto m_model;
};

/// Values as the bytes of raw_data.
template <typename T>
std::string rawBytes(const std::vector<T> &values) {
    return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

} // namespace qs
