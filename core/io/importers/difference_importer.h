#pragma once

#include "core/io/importer.h"

namespace qs {

/// Opens the difference of two checkpoints, which a small JSON file names. \see differenceModel
class DifferenceImporter final : public Importer {
public:
    std::string formatName() const override { return "Difference"; }
    std::vector<std::string> fileSuffixes() const override { return {".qsdiff"}; }
    int probe(std::span<const std::byte> head) const override;
    Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                       const RunContext &ctx) const override;
};

} // namespace qs
