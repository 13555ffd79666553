#pragma once

#include "core/analysis/sensitivity.h"

#include <limits>

namespace qs {

// JSON forms of figures, parts of the documents of project_json.h. Every number comes back bit for bit.

inline constexpr std::int64_t kAnyCount = std::numeric_limits<std::int64_t>::max();

nlohmann::ordered_json errorToJson(const ErrorMetrics &error);
Status readError(const nlohmann::json &json, const std::string &path, ErrorMetrics &error);

nlohmann::ordered_json outputToJson(const OutputMetrics &metrics);
Status readOutput(const nlohmann::json &json, const std::string &path, OutputMetrics &metrics);

nlohmann::ordered_json statsToJson(const TensorStats &stats);
Status readStats(const nlohmann::json &json, const std::string &path, TensorStats &stats);

/// An object whose members are all texts.
Status readTexts(const nlohmann::json &json, const std::string &path,
                 std::map<std::string, std::string> &texts);

} // namespace qs
