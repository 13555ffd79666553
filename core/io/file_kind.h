#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace qs {

/// The first 4 KiB of a file, or less; nothing when it cannot be read.
std::vector<std::byte> readHead(const std::filesystem::path &file);

/// What a file looks like from its first bytes, for refusals: "an HDF5 file", "a ZIP archive (…)", "text".
/// \param head  the first bytes, up to 4 KiB; empty for an empty file
std::string describeFileKind(std::span<const std::byte> head);

} // namespace qs
