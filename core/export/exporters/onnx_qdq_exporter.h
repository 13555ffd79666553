#pragma once

#include "core/export/exporter.h"

namespace qs {

/// Writes the source model with its quantized layers as integer weights behind DequantizeLinear and with
/// QuantizeLinear/DequantizeLinear pairs in front of quantized activations. Any runtime for ONNX executes it.
/// \source file_formats 7, 8.1
class OnnxQdqExporter final : public Exporter {
public:
    OnnxQdqExporter();
    std::string id() const override { return "onnx-qdq"; }
    std::string name() const override { return "ONNX with Q/DQ pairs"; }
    std::string fileSuffix() const override { return ".onnx"; }
    const ParameterSchema &schema() const override { return m_schema; }
    Result<ExportReport> write(const Run &run, const std::filesystem::path &file,
                               const nlohmann::json &options, FindingList &findings,
                               const RunContext &ctx) const override;

private:
    ParameterSchema m_schema;
};

} // namespace qs
