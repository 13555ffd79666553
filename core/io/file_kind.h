#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace qs {

/// What a file looks like from its first bytes, for refusals: "an HDF5 file", "a ZIP archive (…)", "text".
/// \param head  the first bytes, up to 4 KiB; empty for an empty file
std::string describeFileKind(std::span<const std::byte> head);

} // namespace qs
