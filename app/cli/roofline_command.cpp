#include "app/cli/roofline_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

constexpr std::size_t kMostRows = 30;
constexpr auto kLeft = TextTable::Side::Left;

std::string fitText(const std::optional<LargestFit> &fit) {
    if (!fit)
        return "–";
    return (fit->atLimit ? "≥ " : "") + withThousands(fit->value) + (fit->byModel ? " (model)" : "");
}

std::string deviceText(const HardwareProfile &hardware) {
    std::string peaks;
    for (const auto &[type, rate] : hardware.peaks)
        peaks += fmt::format(", {} {}{}", computeTypeName(type), metricText(rate, "OP/s"),
                             hardware.isVerified(fmt::format("peak_dense_tops.{}", computeTypeName(type)))
                                 ? ""
                                 : " (unverified)");
    return fmt::format("{}: {}{}{}", hardware.name, metricText(hardware.bytesPerSecond, "B/s"),
                       hardware.isVerified("memory_bandwidth_gbs") ? "" : " (unverified)", peaks);
}

std::string headerText(const RooflineStudy &study) {
    std::vector<std::pair<std::string, std::string>> pairs{
        {"model", study.source}, {"device", deviceText(study.hardware)}, {"stage", settingsText(study)}};
    if (const std::string counting = countingText(study); !counting.empty())
        pairs.emplace_back("counting",
                           counting + (study.request.base.compatible ? "" : " --json lists them."));
    return alignedPairs(pairs);
}

std::string precisionTable(const RooflineStudy &study) {
    TextTable table({{"precision", kLeft},
                     {"time"},
                     {study.throughputUnit},
                     {"compute-bound"},
                     {"operations"},
                     {"moved"},
                     {"bits/weight"},
                     {"weights"},
                     {"KV cache"},
                     {"activations"},
                     {"max. batch"},
                     {"max. sequence"}});
    for (const PrecisionStudy &precision : study.precisions) {
        const Roofline &line = precision.line;
        if (precision.failure) {
            table.addRow({line.name, "not possible: " + precision.failure->message});
            continue;
        }
        table.addRow(
            {line.name, metricText(line.seconds, "s"), significant(precision.throughput, 4),
             fmt::format("{:.0f} %", line.seconds > 0 ? 100 * line.computeBoundSeconds / line.seconds : 0),
             metricText(line.operations, "OP"), metricText(line.bytes.total(), "B"),
             significant(line.averageWeightBits, 4), metricText(line.memory.weights, "B"),
             metricText(line.memory.cache, "B"), metricText(line.memory.activations, "B"),
             fitText(precision.batch), fitText(precision.sequence)});
    }
    return table.text();
}

std::string operatorTable(const Roofline &line) {
    std::vector<const OperatorCost *> order;
    for (const OperatorCost &cost : line.operators)
        order.push_back(&cost);
    std::stable_sort(order.begin(), order.end(), [](auto *a, auto *b) { return a->seconds > b->seconds; });
    TextTable table({{"operator", kLeft},
                     {"×"},
                     {"kind", kLeft},
                     {"roof", kLeft},
                     {"operations"},
                     {"bytes"},
                     {"OP/byte"},
                     {"ridge"},
                     {"time"},
                     {"share"},
                     {"bound", kLeft}});
    for (std::size_t i = 0; i < std::min(kMostRows, order.size()); ++i) {
        const OperatorCost &cost = *order[i];
        table.addRow({cost.work.name, significant(cost.work.repeats), operatorKindName(cost.work.kind),
                      cost.roof ? std::string(computeTypeName(cost.roof->type)) : "–",
                      metricText(cost.work.operations, "OP"), metricText(cost.work.bytes.total(), "B"),
                      significant(cost.intensity, 3), significant(cost.ridge(), 3),
                      metricText(cost.seconds, "s"),
                      fmt::format("{:.1f} %", 100 * cost.seconds / line.seconds), boundName(cost.bound)});
    }
    std::string text = fmt::format("\n{}: operators by time\n{}", line.name, table.text());
    if (order.size() > kMostRows)
        text += fmt::format("… and {} more (--json)\n", order.size() - kMostRows);
    for (const std::string &note : line.notes)
        text += fmt::format("note: {}\n", note);
    return text;
}

} // namespace

void RooflineCommand::addOptions(CLI::App &app) {
    app.add_option("MODEL", m_model,
                   "A model file, or the config.json of a Hugging Face transformer (no weights needed)")
        ->required()
        ->type_name("FILE");
    m_recipe.addFileOnly(app);
    m_roofline.add(app);
}

Result<CommandOutput> RooflineCommand::run(const CommandContext &context) {
    QS_TRY(const RooflineStudy study, m_roofline.study(m_model, m_recipe, context));
    std::string text = headerText(study) + '\n' + precisionTable(study);
    for (const PrecisionStudy &precision : study.precisions)
        if (!precision.failure)
            text += operatorTable(precision.line);
    return CommandOutput{rooflineReport(study), std::move(text)};
}

} // namespace qs::app
