#include "core/graph/index_operators.h"

#include <set>

namespace qs {

bool givesIndices(const Node &node, std::size_t output) {
    static const std::set<std::string_view> kOperators{"ArgMax", "ArgMin", "NonMaxSuppression",
                                                       "Shape",  "Size",   "NonZero"};
    return kOperators.contains(node.opType) || (node.opType == "TopK" && output == 1);
}

} // namespace qs
