#include "views/commands/layer_patterns.h"

namespace qs::views {
namespace {

constexpr std::size_t kLongestPattern = 1000; ///< recipes refuse longer ones

std::string escaped(std::string_view name) {
    constexpr std::string_view special = R"x(.^$|()[]{}*+?\)x";
    std::string pattern;
    for (const char c : name) {
        if (special.find(c) != std::string_view::npos)
            pattern += '\\';
        pattern += c;
    }
    return pattern;
}

/// Whether `matches` holds for the layers of the set and for no other.
template <typename Predicate>
bool isExact(const std::set<LayerId> &layers, const Model &model, Predicate matches) {
    return std::all_of(model.layers.begin(), model.layers.end(),
                       [&](const Layer &layer) { return layers.contains(layer.id) == matches(layer.name); });
}

/// What all names share at their beginning, up to and with the last dot.
std::string commonBeginning(const std::vector<std::string> &names) {
    std::string common = names.front();
    for (const std::string &name : names) {
        const auto differs = std::mismatch(common.begin(), common.end(), name.begin(), name.end()).first;
        common.erase(differs, common.end());
    }
    const auto dot = common.rfind('.');
    return dot == std::string::npos ? std::string() : common.substr(0, dot + 1);
}

/// What all names share at their end, from the first dot on.
std::string commonEnd(const std::vector<std::string> &names) {
    std::string common = names.front();
    for (const std::string &name : names) {
        const auto differs = std::mismatch(common.rbegin(), common.rend(), name.rbegin(), name.rend()).first;
        common.erase(common.begin(), differs.base());
    }
    const auto dot = common.find('.');
    return dot == std::string::npos ? std::string() : common.substr(dot);
}

std::vector<std::string> listed(const std::vector<std::string> &names) {
    std::vector<std::string> patterns;
    for (const std::string &name : names) {
        const std::string pattern = escaped(name);
        if (!patterns.empty() && patterns.back().size() + 1 + pattern.size() <= kLongestPattern)
            patterns.back() += '|' + pattern;
        else
            patterns.push_back(pattern);
    }
    return patterns;
}

} // namespace

std::vector<std::string> patternsForLayers(const std::set<LayerId> &layers, const Model &model) {
    std::vector<std::string> names;
    for (const LayerId layer : layers)
        names.push_back(model.layers[static_cast<std::size_t>(layer)].name);
    if (names.size() < 2)
        return listed(names);
    if (names.size() == model.layers.size())
        return {".*"};
    const std::string beginning = commonBeginning(names);
    if (!beginning.empty() &&
        isExact(layers, model, [&](const std::string &name) { return name.starts_with(beginning); }))
        return {escaped(beginning) + ".*"};
    const std::string end = commonEnd(names);
    if (!end.empty() && isExact(layers, model, [&](const std::string &name) { return name.ends_with(end); }))
        return {".*" + escaped(end)};
    return listed(names);
}

} // namespace qs::views
