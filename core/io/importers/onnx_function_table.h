#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace onnx {
class AttributeProto;
class FunctionProto;
class ModelProto;
class NodeProto;
} // namespace onnx

namespace qs {

/// What names a function and its calls.
struct OnnxFunctionKey {
    std::string domain, name, overload;
    auto operator<=>(const OnnxFunctionKey &) const = default;
};

struct OnnxFunction {
    const onnx::FunctionProto *message = nullptr;
    std::map<std::string, std::shared_ptr<const onnx::AttributeProto>> defaults; ///< of its attributes
    std::string refusal; ///< why its calls stay as they are: "calls itself"; empty when they do not
    int callsLeft = 0;
};

/// The functions of a model, which must outlive it, with those refused that cannot be inlined.
class OnnxFunctionTable {
public:
    explicit OnnxFunctionTable(const onnx::ModelProto &model);

    bool empty() const { return m_functions.empty(); }
    const std::map<OnnxFunctionKey, OnnxFunction> &all() const { return m_functions; }
    /// The function that a node calls, or nullptr.
    OnnxFunction *find(const onnx::NodeProto &node);

private:
    void add(const onnx::FunctionProto &message, const std::map<std::string, std::int64_t> &opsets);
    void refuseRecursion();

    std::map<OnnxFunctionKey, OnnxFunction> m_functions;
};

/// Calls visit(node) for all nodes of a list, those of subgraphs included.
template <typename Nodes, typename Visit>
void forEachOnnxNode(const Nodes &nodes, const Visit &visit, int depth = 0) {
    constexpr int kMostDepth = 64;
    for (const auto &node : nodes) {
        visit(node);
        for (const auto &attribute : node.attribute())
            if (attribute.has_g() && depth < kMostDepth)
                forEachOnnxNode(attribute.g().node(), visit, depth + 1);
    }
}

} // namespace qs
