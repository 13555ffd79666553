#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qs {

/// What project files begin with, in front of their HDF5 data.
inline constexpr std::string_view kProjectSignature = "Quantoscope project";

/// The first 4 KiB of a file, or less; nothing when it cannot be read.
std::vector<std::byte> readHead(const std::filesystem::path &file);

/// What a file looks like from its first bytes, for refusals: "an HDF5 file", "a ZIP archive (…)", "text".
/// \param head  the first bytes, up to 4 KiB; empty for an empty file
std::string describeFileKind(std::span<const std::byte> head);

} // namespace qs
