#pragma once

#include "core/io/importer.h"

namespace qs {

/// Reads GGUF models (llama.cpp and relatives), also in several parts. Tensors stay in the mapped file,
/// blocks as they are. \source file_formats 3, 13
class GgufImporter final : public Importer {
public:
    std::string formatName() const override { return "GGUF"; }
    std::vector<std::string> fileSuffixes() const override { return {".gguf"}; }
    int probe(std::span<const std::byte> head) const override;
    Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                       const RunContext &ctx) const override;
};

} // namespace qs
