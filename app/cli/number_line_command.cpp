#include "app/cli/number_line_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

std::string tableText(const NumberLineStudy &study) {
    TextTable table({{"", TextTable::Side::Left},
                     {"format", TextTable::Side::Left},
                     {"bits"},
                     {"clip range"},
                     {"scale"},
                     {"zero point"},
                     {"MSE"},
                     {"SQNR dB"},
                     {"clipped %"},
                     {"clipping error %"},
                     {"points used"}});
    const int best = bestRow(study.rows);
    for (std::size_t i = 0; i < study.rows.size(); ++i) {
        const NumberLineRow &row = study.rows[i];
        const double error = row.error.squaredError();
        table.addRow({static_cast<int>(i) == best ? "*" : "",
                      row.format->id + (row.format->experimental ? " (experimental)" : ""),
                      std::to_string(row.format->bits),
                      fmt::format("{} … {}", significant(row.clip.lo), significant(row.clip.hi)),
                      significant(row.points.scale),
                      row.format->isInteger() ? std::to_string(row.points.zeroPoint) : "–",
                      significant(row.error.mse()), significant(row.error.sqnrDb()),
                      significant(100 * row.error.clippedShare(), 3),
                      error > 0 ? significant(100 * row.error.clippingError / error, 3) : "–",
                      fmt::format("{} of {}", row.error.usedPoints(), row.points.values.size())});
    }
    return table.text();
}

} // namespace

void NumberLineCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    app.add_option("--layer", m_layer, "Whose values (default: the first layer)")->type_name("NAME");
    app.add_option("--of", m_of, "weight, or activation (needs --calib)")
        ->check(CLI::IsMember({"weight", "activation"}))
        ->capture_default_str()
        ->type_name("WHAT");
    app.add_option("--channel", m_channel, "One output channel of the weight (default: all of it)")
        ->check(CLI::NonNegativeNumber)
        ->type_name("N");
    m_options.add(app);
    app.footer(
        "One scale for all values. *: least MSE. Clipped: beyond the ends of the format by more than half a "
        "step;\nclipping error: its share of the squared error. Every value counts; of more "
        "than\n134,217,728, a sample of that many with the extremes.");
}

Result<CommandOutput> NumberLineCommand::run(const CommandContext &context) {
    QS_TRY(const NumberLineStudy study, m_options.study(m_inputs, m_layer, m_of, m_channel, context));
    const SortedValues &values = study.values;
    std::string text = fmt::format("{}: {} values", study.source.title, withThousands(values.count()));
    if (values.count() > 0)
        text += fmt::format(", {} … {}", significant(values.values().front()),
                            significant(values.values().back()));
    text += ".\n";
    if (values.nanCount() + values.infCount() > 0)
        text += fmt::format("{} NaN and {} Inf are left out.\n", withThousands(values.nanCount()),
                            withThousands(values.infCount()));
    if (!study.source.note.empty())
        text += study.source.note + '\n';
    if (!values.isExact())
        text += values.sampleNote() + '\n';
    return CommandOutput{numberLineReport(study.source, values, study.rows), text + '\n' + tableText(study)};
}

} // namespace qs::app
