#pragma once

#include "core/base/run_context.h"
#include "core/graph/model_graph.h"
#include "core/io/importers/onnx_tensor.h"

#include <optional>
#include <set>
#include <unordered_set>

namespace onnx {
class AttributeProto;
class GraphProto;
class ModelProto;
class NodeProto;
} // namespace onnx

namespace qs {

/// Turns the graph of an ONNX message, with its subgraphs, into a ModelGraph. One object reads one model.
/// \source file_formats 1.3, 1.7
class OnnxGraphReader {
public:
    OnnxGraphReader(ExternalData &external, FindingList &findings, const RunContext &ctx)
        : m_external(external), m_findings(findings), m_ctx(ctx) {}

    /// Takes big data out of the message. Adds findings about what is odd in the graph as a whole.
    /// \error CorruptFile, Unsupported, NotFound (external data), Cancelled; names the tensor or node
    Result<ModelGraph> read(onnx::ModelProto &model);

private:
    /// What is odd in many places is told once, with the first of them.
    struct Examples {
        std::vector<std::string> first;
        std::size_t count = 0;

        void add(const std::string &name) {
            constexpr std::size_t kShown = 3;
            if (++count <= kShown)
                first.push_back(name);
        }
        std::string text() const; ///< "'a', 'b', 'c' and 4 more"
    };
    /// The names that one graph defines, and those it reads from the graphs around it.
    struct Scope {
        const Scope *outer = nullptr;
        int depth = 0;
        std::unordered_set<std::string> defined, inputs, produced; ///< produced: by nodes, constants excepted
        std::set<std::string> captured;
    };

    Result<ModelGraph> readGraph(onnx::GraphProto &graph, GraphBuilder builder, Scope &scope);
    Status readInputs(const onnx::GraphProto &graph, GraphBuilder &builder, Scope &scope);
    Status readInitializers(onnx::GraphProto &graph, GraphBuilder &builder, Scope &scope);
    Status readNode(onnx::NodeProto &node, GraphBuilder &builder, Scope &scope);
    Status readConstantNode(onnx::NodeProto &node, GraphBuilder &builder);
    Status readAttributes(onnx::NodeProto &message, Node &node, GraphBuilder &builder, Scope &scope);
    /// Nothing for the kinds that no operator we know uses (lists of tensors or graphs, types).
    Result<std::optional<Attribute>> readAttribute(onnx::AttributeProto &attribute, GraphBuilder &builder,
                                                   Scope &scope);
    Result<std::shared_ptr<const ModelGraph>> readSubgraph(onnx::GraphProto &message, GraphBuilder &builder,
                                                           Scope &scope);
    Status readOutputs(const onnx::GraphProto &graph, GraphBuilder &builder, Scope &scope);
    Status addConstant(GraphBuilder &builder, const std::string &name, Result<Tensor> tensor);
    GraphBuilder newBuilder() const;
    void defineNames(const onnx::GraphProto &graph, Scope &scope);
    void define(Scope &scope, const std::string &name);
    ValueId readName(GraphBuilder &builder, Scope &scope, const std::string &name);
    std::string uniqueNodeName(const onnx::NodeProto &node);
    void checkVersions(const onnx::ModelProto &model);
    void reportOddities();

    ExternalData &m_external;
    FindingList &m_findings;
    const RunContext &m_ctx;
    std::int64_t m_irVersion = 0;
    std::map<std::string, std::int64_t> m_opsets;
    std::unordered_set<std::string> m_nodeNames;
    Examples m_stringTensors, m_shadowed, m_droppedAttributes;
    std::int64_t m_nodes = 0;
    SparseBudget m_sparseBudget;
};

/// The domain of an operator as the program names it: "" for ONNX's own.
std::string normalOnnxDomain(const std::string &domain);
/// Whether a node is ONNX's Constant, of which only the tensor is kept.
bool isOnnxConstant(const onnx::NodeProto &node);

} // namespace qs
