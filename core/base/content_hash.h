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

/// What names a model in provenance. Of a file up to 256 MiB its SHA-256. Of a larger one, which nobody wants
/// to read to its end before anything is shown, the SHA-256 of its size, its first MiB and 64 pieces of 64
/// KiB spread evenly to its end; the text then ends in " (sampled)": files that differ only between those
/// pieces count as equal. Of a folder, the SHA-256 of the names and hashes of the files in it that hold
/// weights (.safetensors), their index and config.json. \error as sha256OfFile
Result<std::string> sourceHash(const std::filesystem::path &fileOrFolder, const RunContext &ctx);

/// SHA-256 of bytes in memory.
std::string sha256(std::span<const std::byte> bytes);

} // namespace qs
