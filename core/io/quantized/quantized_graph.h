#pragma once

#include "core/base/finding.h"
#include "core/io/quantized/constant_folding.h"

#include <set>

namespace qs {

/// Changes that make the float operators of a quantized graph visible, by names of values.
struct GraphRewrite {
    struct NewNode {
        std::string name, opType;
        std::vector<std::string> inputs;
        std::string output;
        std::map<std::string, Attribute> attributes;
        std::vector<std::string> moreOutputs = {}; ///< behind `output`
        std::string domain = {};
    };
    explicit GraphRewrite(const ModelGraph &graph) : budget(graph) {}
    std::set<NodeId> removed;
    std::vector<NewNode> nodes;
    UnpackBudget budget;
    std::map<std::string, FoldedConstant> constants; ///< weights as values, and what they were read from

    /// \error CorruptFile  more than the budget
    Status addConstant(std::string name, FoldedConstant constant);
    /// A name that neither the graph nor the rewrite has yet.
    std::string freeName(const ModelGraph &graph, const std::string &wish) const;
};

/// Puts Q/DQ and a float operator in place of an integer operator with a constant weight: QLinearConv,
/// QLinearMatMul, and ConvInteger or MatMulInteger with the Cast and Mul behind it that hold the scales.
/// The sums of products are then rounded as float sums are.
/// \return false  another operator, or its weight or scales are not constant: it stays
/// \error as gridOfCodes()  \source file_formats 9, 10
Result<bool> rewriteIntegerOperator(const ModelGraph &graph, NodeId node, GraphRewrite &rewrite);

/// Puts MatMul in place of com.microsoft MatMulNBits, Gather in place of GatherBlockQuantized.
/// \return, \error as rewriteIntegerOperator()  \source file_formats 8.1, 8.2
Result<bool> rewriteBlockOperator(const ModelGraph &graph, NodeId node, GraphRewrite &rewrite);

/// Puts Q/DQ and a float operator in place of the operators between codes that ONNX Runtime's quantizer
/// writes beside QLinearConv: QLinearAdd, QLinearConcat, QLinearAveragePool and so on. \return as above
Result<bool> rewriteLinearOperator(const ModelGraph &graph, NodeId node, GraphRewrite &rewrite);

/// Undoes what ONNX Runtime's optimizer fused: QGemm, MatMulIntegerToFloat, DynamicQuantizeMatMul, QAttention
/// with constant weights; FusedConv, FusedGemm. \return, \error as rewriteIntegerOperator()
Result<bool> rewriteFusedOperator(const ModelGraph &graph, NodeId node, GraphRewrite &rewrite);

struct QuantizedGraph {
    ModelGraph graph;                        ///< weights as float constants
    std::map<std::string, WeightGrid> grids; ///< of these constants, by name
    bool hasOtherNodes = false;              ///< some nodes are not those of the file
};

/// Makes a quantized graph readable as any other: what operators make of constant codes becomes a float
/// constant under the name of the value, so that layers are found and run; Q/DQ pairs of activations stay.
/// A graph without such operators comes back as it is.
/// \param findings  told which weights cannot be read, and what to do
Result<QuantizedGraph> readQuantizedGraph(ModelGraph graph, FindingList &findings, const RunContext &ctx);

} // namespace qs
