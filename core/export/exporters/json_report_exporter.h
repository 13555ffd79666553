#pragma once

#include "core/export/exporter.h"

namespace qs {

/// The machine-readable report of a run (see runReport) as a JSON file: recipe, provenance, every layer's
/// numbers.
class JsonReportExporter final : public Exporter {
public:
    JsonReportExporter();
    std::string id() const override { return "json-report"; }
    std::string name() const override { return "Run report (JSON)"; }
    std::string fileSuffix() const override { return ".json"; }
    const ParameterSchema &schema() const override { return m_schema; }
    Result<ExportReport> write(const Run &run, const std::filesystem::path &file,
                               const nlohmann::json &options, FindingList &findings,
                               const RunContext &ctx) const override;

private:
    ParameterSchema m_schema;
};

} // namespace qs
