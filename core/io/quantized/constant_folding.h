#pragma once

#include "core/graph/weight_folding.h"
#include "core/io/quantized/weight_grid.h"

#include <map>
#include <optional>

namespace qs {

/// A constant that a graph computes from codes.
struct FoldedConstant {
    Tensor value;                   ///< what the operators make, of their type
    Tensor codes;                   ///< as the file stores them
    std::optional<WeightGrid> grid; ///< absent when the operators make something that is no grid
};

/// How much unpacked codes of one graph may grow: many operators can read the same ones.
class UnpackBudget {
public:
    explicit UnpackBudget(const ModelGraph &graph);
    /// \error CorruptFile  more than any honest graph needs
    Status charge(const FoldedConstant &constant);

private:
    std::uint64_t m_left;
};

/// The grid that integer or 8-bit float codes with a scale make.
/// \param codes, scale, zeroPoint  as DequantizeLinear takes them; zeroPoint may be null
/// \param axis       that scales count along, when there are several and no blocks
/// \param blockSize  0 = none
/// \error CorruptFile  shapes that do not fit;  Unsupported  types
/// \source file_formats 7.1, 8.1, 11
Result<WeightGrid> gridOfCodes(const Tensor &codes, const Tensor &scale, const Tensor *zeroPoint,
                               std::int64_t axis, std::int64_t blockSize, std::string form);

/// Folds DequantizeLinear of constants, QuantizeLinear in front of it, and the operators that may follow it,
/// on their way to a layer, one node after the other in the order of the graph: Add (offsets of real zero
/// points), Gather (columns put in order), ScatterND (kept weights), Reshape, Transpose, Cast, Identity.
class ConstantFolding {
public:
    explicit ConstantFolding(const ModelGraph &graph)
        : m_graph(graph), m_budget(graph), m_toWeights(valuesOnTheWayToWeights(graph)) {}

    /// Whether the node is folded: its first output is a constant from now on. \error as gridOfCodes()
    Result<bool> fold(const Node &node);
    const std::map<ValueId, FoldedConstant> &results() const { return m_results; }
    std::map<ValueId, FoldedConstant> take() && { return std::move(m_results); }

private:
    const Tensor *constantInput(const Node &node, std::size_t index) const;
    std::optional<FoldedConstant> quantize(const Node &node) const;
    Result<FoldedConstant> dequantize(const Node &node) const;
    Result<FoldedConstant> follow(const Node &node, FoldedConstant from) const;

    const ModelGraph &m_graph;
    UnpackBudget m_budget;
    std::set<ValueId> m_toWeights;
    std::map<ValueId, FoldedConstant> m_results;
};

} // namespace qs
