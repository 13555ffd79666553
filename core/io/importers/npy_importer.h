#pragma once

#include "core/io/importer.h"

namespace qs {

/// Reads arrays of NumPy as weights: one (.npy) or an archive (.npz). \source file_formats 6
class NpyImporter final : public Importer {
public:
    std::string formatName() const override { return "NumPy"; }
    std::vector<std::string> fileSuffixes() const override { return {".npy", ".npz"}; }
    int probe(std::span<const std::byte> head) const override;
    Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                       const RunContext &ctx) const override;
};

} // namespace qs
