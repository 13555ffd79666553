#include "core/graph/node_name.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {

std::string pathName(const Node &node) {
    std::string name = node.name;
    if (name.ends_with("/" + node.opType))
        name.resize(name.size() - node.opType.size() - 1);
    if (name.starts_with('/'))
        name.erase(0, 1);
    std::replace(name.begin(), name.end(), '/', '.');
    return name.empty() ? node.name : name;
}

std::string nodeLabel(const Node &node) {
    return fmt::format("{} '{}'", node.opType, node.name);
}

} // namespace qs
