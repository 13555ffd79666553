#include "app/cli/calibrate_command.h"

#include "app/cli/text_table.h"
#include "core/base/atomic_file.h"
#include "core/base/json_text.h"
#include "core/base/number_text.h"
#include "core/exec/capture.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr RangeRule::Kind kRules[] = {RangeRule::Kind::MinMax, RangeRule::Kind::Percentile,
                                      RangeRule::Kind::Mse, RangeRule::Kind::Kl};

/// What a grid reaches: the values of its lowest and highest code.
ValueRange coveredBy(ScaleZero grid, const GridScheme &scheme) {
    const CodeRange codes = codeRange(scheme.bits, scheme.convention);
    return {dequantizeValue(codes.lowest, grid), dequantizeValue(codes.highest, grid)};
}

std::string rangeText(double lo, double hi) {
    return fmt::format("{} … {}", significant(lo), significant(hi));
}

} // namespace

void CalibrateCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addCaptured(app);
    app.add_option("--bits", m_bits, "Bits of the activation grid")
        ->check(CLI::Range(2, 8))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--convention", m_convention, "asymmetric, or symmetric: s1, s2, s3")
        ->check(CLI::IsMember({"asymmetric", "s1", "s2", "s3"}))
        ->capture_default_str()
        ->type_name("NAME");
    app.add_option("--percentile", m_percentile, "For the rule percentile, in percent")
        ->check(CLI::Range(50.0, 100.0))
        ->capture_default_str()
        ->type_name("P");
    app.add_option("-o,--output", m_output, "Also write the JSON document here")->type_name("FILE");
    app.footer(
        "A range is what the lowest and the highest code of the grid stand for. Percentiles come from\n"
        "histogram bins: --json tells the interval that each certainly lies in.");
}

Result<CommandOutput> CalibrateCommand::run(const CommandContext &context) {
    GridScheme scheme;
    scheme.bits = m_bits;
    scheme.rule.percentile = m_percentile;
    QS_TRY(scheme.convention, gridConventionFromName(m_convention));
    if (!m_inputs.hasActivations())
        return fail(ErrorCode::InvalidArgument, "give --calib FILE, or --captured FILE");
    QS_TRY(const auto model, m_inputs.openModel(context));
    QS_TRY(const auto capture, m_inputs.capture(model, context));

    CommandOutput output;
    output.document = {{"model", {{"file", model->file.string()}, {"sha256", model->sha256}}},
                       {"calibration",
                        {{"file", m_inputs.activationsFile().string()},
                         {"sha256", capture->calibrationSha256},
                         {"samples", capture->samples}}},
                       {"bits", m_bits},
                       {"convention", m_convention},
                       {"percentile", m_percentile},
                       {"layers", Json::array()}};
    std::vector<TextTable::Column> columns{{"layer", TextTable::Side::Left}, {"tokens"}, {"seen"}};
    for (const RangeRule::Kind rule : kRules)
        columns.push_back({std::string(rangeRuleName(rule))});
    TextTable table(std::move(columns));
    for (const auto &layer : capture->layers) {
        if (!layer)
            continue;
        if (context.run.cancelled())
            return RunContext::cancelledError();
        const std::string &name = model->layers[static_cast<std::size_t>(layer->layer)].name;
        Json entry = {
            {"layer", name}, {"tokens", layer->tokens}, {"min", layer->stats.min}, {"max", layer->stats.max}};
        std::vector<std::string> cells{name, withThousands(layer->tokens),
                                       rangeText(layer->stats.min, layer->stats.max)};
        for (const RangeRule::Kind rule : kRules) {
            scheme.rule.kind = rule;
            const ScaleZero grid = activationGrid(*layer, scheme);
            const ValueRange range = coveredBy(grid, scheme);
            entry[std::string(rangeRuleName(rule))] = {
                {"low", range.lo}, {"high", range.hi}, {"scale", grid.scale}, {"zero_point", grid.zeroPoint}};
            cells.push_back(rangeText(range.lo, range.hi));
            if (const auto bound =
                    percentileBound(layer->histogram, layer->stats.min, layer->stats.max, scheme))
                entry[std::string(rangeRuleName(rule))]["percentile_between"] = {
                    {"low", {bound->low.lo, bound->low.hi}}, {"high", {bound->high.lo, bound->high.hi}}};
        }
        output.document["layers"].push_back(std::move(entry));
        table.addRow(std::move(cells));
    }
    output.text =
        fmt::format("Input activation ranges, {} bit {}, over {} samples{}\n", m_bits, m_convention,
                    withThousands(capture->samples), capture->origin.empty() ? "" : ", " + capture->origin) +
        table.text();
    m_inputs.addCost(*capture, output);
    if (!m_output.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_output, jsonText(output.document)));
        output.text += "\nWritten: " + m_output.string() + "\n";
    }
    return output;
}

} // namespace qs::app
