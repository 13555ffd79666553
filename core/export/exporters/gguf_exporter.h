#pragma once

#include "core/export/exporter.h"

namespace qs {

/// Writes a LLaMA-like model as a GGUF file, which llama.cpp and what is built on it execute: block formats
/// byte for byte, other integer grids as the block format that holds them, the rest as plain numbers.
/// \source file_formats 3, 13
class GgufExporter final : public Exporter {
public:
    GgufExporter();
    std::string id() const override { return "gguf"; }
    std::string name() const override { return "GGUF for llama.cpp"; }
    std::string fileSuffix() const override { return ".gguf"; }
    const ParameterSchema &schema() const override { return m_schema; }
    Result<ExportReport> write(const Run &run, const std::filesystem::path &file,
                               const nlohmann::json &options, FindingList &findings,
                               const RunContext &ctx) const override;

private:
    ParameterSchema m_schema;
};

} // namespace qs
