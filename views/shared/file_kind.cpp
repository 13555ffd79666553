#include "views/shared/file_kind.h"

#include "core/hardware/network_description.h"
#include "core/io/file_kind.h"
#include "core/io/importer.h"
#include "core/io/importers/safetensors_files.h"
#include "core/session/project_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

namespace qs::views {
namespace {

constexpr std::string_view kHdf5Signature("\x89HDF\r\n\x1a\n", 8);

/// HDF5 may start after a user block of 512, 1024, 2048, … bytes.
bool hasHdf5Signature(std::ifstream &stream) {
    for (std::streamoff offset = 0; offset <= 1 << 20; offset = offset == 0 ? 512 : offset * 2) {
        std::array<char, 8> head{};
        stream.clear();
        if (!stream.seekg(offset) || !stream.read(head.data(), head.size()))
            return false;
        if (std::string_view(head.data(), head.size()) == kHdf5Signature)
            return true;
    }
    return false;
}

} // namespace

FileKind fileKind(const std::filesystem::path &file) {
    std::error_code error;
    // Pipes and devices would block the window; the importer says that they are no files.
    if (!std::filesystem::is_regular_file(file, error))
        return FileKind::Other;
    if (isProjectFile(file))
        return FileKind::Project;
    std::ifstream stream(file, std::ios::binary);
    if (hasHdf5Signature(stream))
        return FileKind::Hdf5;
    stream.clear();
    stream.seekg(0);
    char first = ' ';
    for (int skipped = 0; skipped < 64 && std::isspace(static_cast<unsigned char>(first)) != 0; ++skipped) {
        if (!stream.get(first))
            return FileKind::Other;
    }
    if (first != '{')
        return FileKind::Other;
    if (isNetworkConfigFile(file))
        return findSafetensors(file) ? FileKind::Other : FileKind::NetworkConfig;
    const std::vector<std::byte> head = readHead(file);
    const auto reads = [&](const auto &importer) { return importer->probe(head) > 0; };
    return std::ranges::any_of(builtinImporters(), reads) ? FileKind::Other : FileKind::Recipe;
}

bool looksLikeEvaluation(const std::filesystem::path &file) {
    std::string stem = file.stem().string();
    std::transform(stem.begin(), stem.end(), stem.begin(), [](unsigned char c) { return std::tolower(c); });
    return stem.find("eval") != std::string::npos || stem.find("valid") != std::string::npos ||
           stem.find("test") != std::string::npos;
}

} // namespace qs::views
