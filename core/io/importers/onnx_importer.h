#pragma once

#include "core/io/importer.h"

namespace qs {

/// Reads ONNX models (protobuf), with external data beside the file. \source file_formats 1
class OnnxImporter final : public Importer {
public:
    std::string formatName() const override { return "ONNX"; }
    std::vector<std::string> fileSuffixes() const override { return {".onnx"}; }
    int probe(std::span<const std::byte> head) const override;
    Result<Model> load(const std::filesystem::path &file, FindingList &findings,
                       const RunContext &ctx) const override;
};

} // namespace qs
