#pragma once

#include "core/export/exporter.h"

namespace qs {

/// The layer table of a run for spreadsheets and scripts: one row per layer, a header line, quotes by RFC
/// 4180, numbers with a decimal point in the shortest form that reads back exactly. Absent values are empty
/// cells.
class CsvExporter final : public Exporter {
public:
    CsvExporter();
    std::string id() const override { return "csv"; }
    std::string name() const override { return "Layer table (CSV)"; }
    std::string fileSuffix() const override { return ".csv"; }
    const ParameterSchema &schema() const override { return m_schema; }
    Result<ExportReport> write(const Run &run, const std::filesystem::path &file,
                               const nlohmann::json &options, FindingList &findings,
                               const RunContext &ctx) const override;

private:
    ParameterSchema m_schema;
};

} // namespace qs
