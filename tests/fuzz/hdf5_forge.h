#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace qs::fuzz {

/// Writes an HDF5 file that is whole as a file and hostile as a schema: groups, data sets and attributes of
/// the names that the program looks for, with types, shapes, filters and links that the bytes choose. \return
/// false when the HDF5 library refuses to write it
bool forgeHdf5(const std::filesystem::path &file, std::span<const std::uint8_t> bytes);

} // namespace qs::fuzz
