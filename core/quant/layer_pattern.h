#pragma once

#include <string>

namespace qs {

/// Whether a whole name matches the pattern of a rule, which must have passed checkLayerPattern().
/// \thread safe; compiled patterns are kept by thread
bool matchesLayerPattern(const std::string &layerName, const std::string &pattern);

} // namespace qs
