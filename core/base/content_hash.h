#pragma once

#include "core/base/run_context.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace qs {

/// SHA-256 of a file as 64 lower-case hexadecimal digits: how sources are named in provenance.
/// \error IoError  the file cannot be read;  Cancelled
Result<std::string> sha256OfFile(const std::filesystem::path &file, const RunContext &ctx);

/// SHA-256 of bytes in memory.
std::string sha256(std::span<const std::byte> bytes);

} // namespace qs
