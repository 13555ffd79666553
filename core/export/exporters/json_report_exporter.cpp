#include "core/export/exporters/json_report_exporter.h"

#include "core/export/exporters/export_target.h"

namespace qs {
namespace {

constexpr const char *kSchema = R"({"type": "object", "properties": {
    "indent": {"type": "boolean", "default": true, "title": "Indented",
        "description": "One value a line, for people; else one line in all"}
}})";

} // namespace

JsonReportExporter::JsonReportExporter() {
    auto schema = ParameterSchema::parse(kSchema);
    QS_CHECK(schema, "the exporter's own schema is valid");
    m_schema = std::move(*schema);
}

Result<ExportReport> JsonReportExporter::write(const Run &run, const std::filesystem::path &file,
                                               const nlohmann::json &options, FindingList &,
                                               const RunContext &ctx) const {
    QS_TRY(const nlohmann::json completed, m_schema.complete(options));
    QS_CHECK_OK(checkNoSource(run, file, ctx));
    if (ctx.cancelled())
        return RunContext::cancelledError();
    const std::string text = runReport(run).dump(completed["indent"].get<bool>() ? 2 : -1) + "\n";
    QS_CHECK_OK(writeText(file, text));
    return describeExport(run, file, text.size());
}

} // namespace qs
