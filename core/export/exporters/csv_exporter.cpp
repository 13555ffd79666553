#include "core/export/exporters/csv_exporter.h"

#include "core/base/number_text.h"

#include "core/export/exporters/export_target.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kSchema = R"({"type": "object", "properties": {
    "separator": {"type": "string", "enum": ["comma", "semicolon", "tab"], "default": "comma", "title": "Separator",
        "description": "Between cells; spreadsheets of countries with a decimal comma expect semicolons"}
}})";

char separatorFrom(const std::string &name) {
    return name == "semicolon" ? ';' : name == "tab" ? '\t' : ',';
}

std::string number(std::optional<double> value) {
    return value ? fmt::format("{}", *value) : "";
}

using Row = std::vector<std::string>;

Row header() {
    Row row = {"layer",          "kind",           "rows",       "columns",
               "groups",         "state",          "method",     "bits",
               "convention",     "granularity",    "group_size", "activation_bits",
               "effective_bits", "weight_sqnr_db", "weight_mse", "weight_max_error",
               "output_sqnr_db"};
    for (const MetricInfo &info : allMetrics())
        row.push_back(std::string("network_") + info.id);
    row.emplace_back("failure");
    return row;
}

const char *stateName(LayerResult::State state) {
    switch (state) {
    case LayerResult::State::Quantized:
        return "quantized";
    case LayerResult::State::Float:
        return "float";
    case LayerResult::State::Failed:
        return "failed";
    }
    return "unknown";
}

void appendChoice(Row &row, const LayerChoice &choice) {
    if (choice.weight) {
        const WeightGridScheme &scheme = choice.weight->scheme;
        const bool grouped = scheme.granularity == Granularity::PerGroup;
        row.insert(row.end(), {choice.weight->method, std::to_string(scheme.grid.bits),
                               std::string(gridConventionName(scheme.grid.convention)),
                               std::string(granularityName(scheme.granularity)),
                               grouped ? std::to_string(scheme.groupSize) : ""});
    } else {
        row.insert(row.end(), 5, "");
    }
    row.push_back(choice.activation ? std::to_string(choice.activation->grid.bits) : "");
}

Row layerRow(const Layer &layer, const LayerResult *result) {
    Row row = {csvField(layer.name), layerKindName(layer.kind), std::to_string(layer.outChannels),
               std::to_string(layer.inPerOut), std::to_string(layer.groups)};
    if (!result) // The run has not come to it.
        return row;
    row.emplace_back(stateName(result->state));
    appendChoice(row, result->choice);
    row.push_back(number(result->bits.effective()));
    const auto &error = result->weightError;
    row.push_back(error ? number(error->sqnrDb()) : "");
    row.push_back(error ? number(error->mse()) : "");
    row.push_back(error ? number(error->maxAbsError) : "");
    row.push_back(number(result->outputSqnrDb()));
    for (const MetricInfo &info : allMetrics())
        row.push_back(result->network ? number(metricValue(*result->network, info.metric)) : "");
    row.push_back(csvField(result->failure));
    return row;
}

} // namespace

CsvExporter::CsvExporter() {
    auto schema = ParameterSchema::parse(kSchema);
    QS_CHECK(schema, "the exporter's own schema is valid");
    m_schema = std::move(*schema);
}

Result<ExportReport> CsvExporter::write(const Run &run, const std::filesystem::path &file,
                                        const nlohmann::json &options, FindingList &,
                                        const RunContext &ctx) const {
    QS_TRY(const nlohmann::json completed, m_schema.complete(options));
    QS_CHECK_OK(checkNoSource(run, file, ctx));
    if (ctx.cancelled())
        return RunContext::cancelledError();
    const std::string separator(1, separatorFrom(completed["separator"]));
    const Row names = header();
    std::string text = fmt::format("{}\n", fmt::join(names, separator));
    for (const Layer &layer : run.model->layers) {
        const auto id = static_cast<std::size_t>(layer.id);
        Row row = layerRow(layer, id < run.layers.size() ? run.layers[id].get() : nullptr);
        row.resize(names.size());
        text += fmt::format("{}\n", fmt::join(row, separator));
    }
    QS_CHECK_OK(writeText(file, text));
    return describeExport(run, file, text.size());
}

} // namespace qs
