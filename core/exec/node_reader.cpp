#include "core/exec/node_reader.h"

#include "core/graph/stored_weight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {

template <typename T>
const T *NodeReader::find(const char *name) {
    m_read.insert(name);
    const auto found = m_node.attributes.find(name);
    if (found == m_node.attributes.end())
        return nullptr;
    const T *value = std::get_if<T>(&found->second);
    if (!value)
        m_wrongKind.insert(name);
    return value;
}

std::int64_t NodeReader::intAttribute(const char *name, std::int64_t fallback) {
    const auto *value = find<std::int64_t>(name);
    return value ? *value : fallback;
}

double NodeReader::floatAttribute(const char *name, double fallback) {
    const auto *value = find<double>(name);
    return value ? *value : fallback;
}

std::string NodeReader::stringAttribute(const char *name, std::string fallback) {
    const auto *value = find<std::string>(name);
    return value ? *value : fallback;
}

std::optional<std::vector<std::int64_t>> NodeReader::intsAttribute(const char *name) {
    const auto *value = find<std::vector<std::int64_t>>(name);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::vector<double>> NodeReader::floatsAttribute(const char *name) {
    const auto *value = find<std::vector<double>>(name);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::vector<std::string>> NodeReader::stringsAttribute(const char *name) {
    const auto *value = find<std::vector<std::string>>(name);
    return value ? std::optional(*value) : std::nullopt;
}

const Tensor *NodeReader::tensorAttribute(const char *name) {
    return find<Tensor>(name);
}

void NodeReader::ignore(std::initializer_list<const char *> names) {
    m_read.insert(names.begin(), names.end());
}

Status NodeReader::checkAttributes() const {
    std::vector<std::string> unknown(m_wrongKind.begin(), m_wrongKind.end());
    for (const auto &[name, value] : m_node.attributes)
        if (!m_read.contains(name) && name != kStoredWeight) // which is no part of the computation
            unknown.push_back(name);
    if (unknown.empty())
        return {};
    return fail(ErrorCode::Unsupported,
                fmt::format("attribute {} is not supported", fmt::join(unknown, ", ")));
}

} // namespace qs
