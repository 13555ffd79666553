#pragma once

#include "core/io/importer.h"

namespace qs {

/// Reads safetensors: a file, an index with its shards, or the folder of a Hugging Face model. \source
/// file_formats 2, 4
class SafetensorsImporter final : public Importer {
public:
    std::string formatName() const override { return "safetensors"; }
    std::vector<std::string> fileSuffixes() const override {
        return {".safetensors", ".safetensors.index.json"};
    }
    int probe(std::span<const std::byte> head) const override;
    bool opensFolders() const override { return true; }
    Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                       const RunContext &ctx) const override;
};

} // namespace qs
