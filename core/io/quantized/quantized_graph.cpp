#include "core/io/quantized/operator_rewriting.h"

#include "core/graph/graph_copy.h"
#include "core/graph/node_name.h"
#include "core/graph/stored_weight.h"

#include <algorithm>

namespace qs {
namespace {

/// Whether anything is to be done at all: most models are float.
bool mayHoldCodes(const ModelGraph &graph) {
    constexpr std::string_view kOperators[] = {"DequantizeLinear", "QLinearConv", "QLinearMatMul",
                                               "ConvInteger", "MatMulInteger"};
    return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node &node) {
        return node.domain == kMicrosoftDomain ||
               std::ranges::find(kOperators, node.opType) != std::end(kOperators);
    });
}

/// Tries what can be put in place of a node. \return false  it stays
Result<bool> rewriteNode(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    for (const auto rewriteOne :
         {rewriteIntegerOperator, rewriteBlockOperator, rewriteLinearOperator, rewriteFusedOperator}) {
        auto rewritten = rewriteOne(graph, id, rewrite);
        if (!rewritten)
            return fail(std::move(rewritten).error().withContext(nodeLabel(graph.node(id))));
        if (*rewritten)
            return true;
    }
    return false;
}

void tell(const Error &error, FindingList &findings) {
    Finding finding = toFinding(error);
    finding.severity = Severity::Warning;
    finding.what = "A quantized weight cannot be read: it " + finding.what;
    finding.action = "The layer that reads it is not listed. Export the model again.";
    findings.add(std::move(finding));
}

/// The graph with the changes made.
class Rewriter {
public:
    Rewriter(const ModelGraph &graph, GraphRewrite rewrite)
        : m_graph(graph), m_rewrite(std::move(rewrite)), m_builder(copyFrame(graph)) {}

    Result<QuantizedGraph> finish() && {
        QS_CHECK_OK(addNodes());
        for (const auto &[id, tensor] : m_graph.constants())
            QS_CHECK_OK(m_builder.addConstant(id, tensor));
        QuantizedGraph result;
        result.hasOtherNodes = !m_rewrite.nodes.empty();
        for (auto &[name, folded] : m_rewrite.constants) {
            QS_CHECK_OK(m_builder.addConstant(m_builder.value(name), std::move(folded.value)));
            if (folded.grid)
                result.grids.emplace(name, std::move(*folded.grid));
        }
        QS_TRY(result.graph, std::move(m_builder).finish(openValues(m_graph)));
        return result;
    }

private:
    /// A node remembers how the weight that it reads was stored.
    void rememberCodes(Node &node, const std::string &input) const {
        const auto found = m_rewrite.constants.find(input);
        if (found != m_rewrite.constants.end() && found->second.grid)
            node.attributes[kStoredWeight] = found->second.codes;
    }

    Status addNodes() {
        for (std::size_t n = 0; n < m_graph.nodes().size(); ++n) {
            if (m_rewrite.removed.contains(static_cast<NodeId>(n)))
                continue;
            Node node = m_graph.nodes()[n];
            for (const ValueId input : node.inputs)
                if (input != kNoValue)
                    rememberCodes(node, m_graph.value(input).name);
            // The operators of this domain take more types at older opsets; here every opset takes them.
            if (node.domain == kMicrosoftDomain &&
                (node.opType == "QuantizeLinear" || node.opType == "DequantizeLinear"))
                node.domain.clear();
            m_nodeNames.insert(node.name);
            QS_CHECK_OK(m_builder.addNode(std::move(node)));
        }
        for (const GraphRewrite::NewNode &added : m_rewrite.nodes) {
            Node node;
            node.name = uniqueNodeName(added.name);
            node.opType = added.opType;
            node.domain = added.domain;
            node.attributes = added.attributes;
            for (const std::string &input : added.inputs) {
                node.inputs.push_back(m_builder.value(input));
                rememberCodes(node, input);
            }
            node.outputs = {m_builder.value(added.output)};
            for (const std::string &output : added.moreOutputs)
                node.outputs.push_back(m_builder.value(output));
            QS_CHECK_OK(m_builder.addNode(std::move(node)));
        }
        return {};
    }

    /// ONNX Runtime refuses files in which two nodes share a name.
    std::string uniqueNodeName(std::string name) {
        while (!m_nodeNames.insert(name).second)
            name += '_';
        return name;
    }

    const ModelGraph &m_graph;
    GraphRewrite m_rewrite;
    GraphBuilder m_builder;
    std::set<std::string> m_nodeNames;
};

/// Whether a folded value is still read, by a node that stays or as an output of the graph.
bool isRead(const ModelGraph &graph, ValueId value, const std::set<NodeId> &removed) {
    const auto &readers = graph.consumers(value);
    return std::ranges::find(graph.outputs(), value) != graph.outputs().end() ||
           std::any_of(readers.begin(), readers.end(),
                       [&](NodeId reader) { return !removed.contains(reader); });
}

} // namespace

Status GraphRewrite::addConstant(std::string name, FoldedConstant constant) {
    QS_CHECK_OK(budget.charge(constant));
    constants.emplace(std::move(name), std::move(constant));
    return {};
}

std::string GraphRewrite::freeName(const ModelGraph &graph, const std::string &wish) const {
    std::string name = wish;
    while (graph.findValue(name) != kNoValue || constants.contains(name) ||
           std::any_of(nodes.begin(), nodes.end(), [&](const NewNode &node) { return node.output == name; }))
        name += '_';
    return name;
}

Result<QuantizedGraph> readQuantizedGraph(ModelGraph graph, FindingList &findings, const RunContext &ctx) {
    if (!mayHoldCodes(graph))
        return QuantizedGraph{std::move(graph), {}};
    GraphRewrite rewrite(graph);
    ConstantFolding folding(graph);
    const auto count = static_cast<std::int64_t>(graph.nodes().size());
    for (NodeId id = 0; id < static_cast<NodeId>(count); ++id) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(id, count, "reading quantized weights");
        auto folded = folding.fold(graph.node(id));
        if (folded && *folded) {
            rewrite.removed.insert(id);
            continue;
        }
        const auto rewritten = folded ? rewriteNode(graph, id, rewrite) : std::move(folded);
        if (!rewritten)
            tell(rewritten.error(), findings);
    }
    for (auto &[value, folded] : std::move(folding).take())
        if (isRead(graph, value, rewrite.removed))
            rewrite.constants.emplace(graph.value(value).name, folded);
    return Rewriter(graph, std::move(rewrite)).finish();
}

} // namespace qs
