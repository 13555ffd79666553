#include "core/quant/layer_pattern.h"

#include "core/quant/recipe.h"

#include <fmt/format.h>
#include <map>
#include <regex>

namespace qs {
namespace {

constexpr std::size_t kLongestPattern = 1000;
constexpr std::size_t kPatternsKept = 64;

/// A breadth-first matcher: the default one of libstdc++ needs exponential time for patterns like (a+)+b and
/// a stack frame for every character of the name. Kept, as a recipe is asked about every layer while it is
/// edited.
const std::regex &compiled(const std::string &pattern) {
    thread_local std::map<std::string, std::regex> known;
    if (const auto found = known.find(pattern); found != known.end())
        return found->second;
    if (known.size() >= kPatternsKept)
        known.clear();
    return known
        .emplace(pattern, std::regex(pattern, std::regex::ECMAScript | std::regex_constants::__polynomial))
        .first->second;
}

} // namespace

bool matchesLayerPattern(const std::string &layerName, const std::string &pattern) {
    return std::regex_match(layerName, compiled(pattern));
}

Status checkLayerPattern(const std::string &pattern) {
    if (pattern.size() > kLongestPattern)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("has {} characters; allowed: up to {}", pattern.size(), kLongestPattern));
    try {
        compiled(pattern);
    } catch (const std::regex_error &error) {
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("'{}' is not a regular expression that can be used here: {}", pattern, error.what()));
    }
    return {};
}

} // namespace qs
