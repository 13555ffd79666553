#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Changes of a graph by name, so that the same list changes an opened model and the file that it came from.
struct GraphEdit {
    /// New, or in place of a constant of that name.
    struct Constant {
        std::string name;
        Tensor value;
    };
    /// A new operator of the default domain with one output.
    struct NewNode {
        std::string name, opType;
        std::vector<std::string> inputs;
        std::string output;
    };
    /// What a node reads in a slot from now on. The node goes by its first output: files need not name nodes.
    struct Input {
        std::string nodeOutput;
        int index = 0;
        std::string value;
    };

    std::vector<Constant> constants;
    std::vector<NewNode> nodes;
    std::vector<Input> inputs;

    bool empty() const { return constants.empty() && nodes.empty() && inputs.empty(); }
};

/// The graph with the changes made. Ids of the values that were there stay; new ones follow; nodes are sorted
/// anew.
/// \error InvalidArgument  names a node or value that is not there
/// \error CorruptFile      the result is no graph (a cycle, a name twice)
Result<ModelGraph> applyEdit(const ModelGraph &graph, const GraphEdit &edit);

} // namespace qs
