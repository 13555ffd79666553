#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace qs {

/// The one way this program writes JSON: two spaces, a line end, bytes that are no UTF-8 replaced. The same
/// document gives the same bytes in the window and in qscope.
std::string jsonText(const nlohmann::ordered_json &document);

/// Parses JSON of bounded depth. \param where  what a refusal names
/// \error CorruptFile  not JSON (names line and column), or nested deeper than 200 levels
Result<nlohmann::json> parseJson(std::string_view text, const std::string &where);

/// Reads a JSON file of at most 64 MiB.
/// \error NotFound, IoError  cannot be read;  CorruptFile  not JSON (names line and column)
Result<nlohmann::json> readJsonFile(const std::filesystem::path &file);

} // namespace qs
