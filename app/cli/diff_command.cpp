#include "app/cli/diff_command.h"

#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/text_table.h"
#include "core/analysis/difference_survey.h"
#include "core/base/number_text.h"
#include "core/export/difference_writer.h"
#include "core/io/model_difference.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

Json documentOf(const WeightChange &change) {
    const double relative = change.relativeNorm();
    return {{"count", change.count},
            {"not_finite", change.notFinite},
            {"base_norm", change.baseNorm()},
            {"delta_norm", change.deltaNorm()},
            {"relative_norm", std::isfinite(relative) ? Json(relative) : Json(nullptr)},
            {"largest", change.largest},
            {"mean_magnitude", change.meanMagnitude()},
            {"cosine", change.cosine()},
            {"unchanged", change.unchanged}};
}

std::vector<std::string> cellsOf(const std::string &name, const std::string &shape,
                                 const WeightChange &change) {
    return {name,
            shape,
            significant(change.baseNorm()),
            significant(change.deltaNorm()),
            significant(100 * change.relativeNorm(), 3),
            significant(change.largest, 3),
            significant(change.meanMagnitude(), 3),
            fmt::format("{:.6f}", change.cosine()),
            significant(100 * change.unchangedShare(), 3),
            withThousands(change.notFinite)};
}

Status write(const Model &model, const CheckpointPair &pair, const std::filesystem::path &file,
             const CommandContext &context) {
    if (file.extension() == ".safetensors") {
        QS_TRY(const std::int64_t bytes, writeDifferenceTensors(model, file, context.run));
        (void)bytes;
        return {};
    }
    return writeDifferenceFile(file, pair, context.run);
}

} // namespace

void DiffCommand::addOptions(CLI::App &app) {
    app.add_option("BASE", m_base, "What is subtracted: a model file or folder")
        ->required()
        ->type_name("FILE");
    app.add_option("TUNED", m_tuned, "What it is subtracted from: a fine-tuned model")
        ->required()
        ->type_name("FILE");
    app.add_option("-o,--output", m_output,
                   "Write the difference: .qsdiff (a small file that names both and opens as a model), or "
                   ".safetensors (its tensors in float32)")
        ->type_name("FILE");
    app.add_option("--sort", m_sort, "Rows in the order of the model, or by the relative norm, largest first")
        ->check(CLI::IsMember({"model", "relative"}))
        ->capture_default_str()
        ->type_name("BY");
    app.footer(
        "Relative: Frobenius norm of the difference over that of the base. Formats may differ; weights "
        "are found by name.\nA .qsdiff is a model for every other command: stats, quantize, tensor, "
        "render.");
}

Result<CommandOutput> DiffCommand::run(const CommandContext &context) {
    const bool known = m_output.extension() == ".safetensors" || m_output.extension() == kDifferenceSuffix;
    if (!m_output.empty() && !known)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("-o {} must end in .qsdiff or .safetensors", m_output.string()));
    QS_CHECK_OK(checkExists(m_base, Folders::Allowed));
    QS_CHECK_OK(checkExists(m_tuned, Folders::Allowed));
    const CheckpointPair pair{m_base, m_tuned};
    auto model = differenceModel(m_tuned, pair, context.findings, context.run);
    if (!model)
        return fail(inInputFile(std::move(model).error()));
    QS_TRY(const auto changes, surveyDifference(*model, {}, context.run));
    std::vector<WeightChange> rows = changes;
    if (m_sort == "relative")
        std::ranges::stable_sort(rows, std::ranges::greater(), &WeightChange::relativeNorm);

    CommandOutput output;
    output.document = {{"base", m_base.string()}, {"tuned", m_tuned.string()}, {"layers", Json::array()}};
    TextTable table({{"layer", TextTable::Side::Left},
                     {"shape", TextTable::Side::Left},
                     {"‖base‖"},
                     {"‖Δ‖"},
                     {"relative %"},
                     {"max |Δ|"},
                     {"mean |Δ|"},
                     {"cosine"},
                     {"equal %"},
                     {"NaN, Inf"}});
    for (const WeightChange &change : rows) {
        const Layer &layer = model->layers[static_cast<std::size_t>(change.layer)];
        Json entry = {{"layer", layer.name},
                      {"kind", layerKindName(layer.kind)},
                      {"shape", {layer.outChannels, layer.inPerOut}}};
        entry.update(documentOf(change));
        output.document["layers"].push_back(std::move(entry));
        table.addRow(cellsOf(layer.name, fmt::format("[{}, {}]", layer.outChannels, layer.inPerOut), change));
    }
    const WeightChange total = totalChange(changes);
    output.document["total"] = documentOf(total);
    table.addRow(cellsOf("all layers", "", total));
    output.text =
        fmt::format("{} minus {}\n", m_tuned.filename().string(), m_base.filename().string()) + table.text();
    if (!m_output.empty()) {
        QS_CHECK_OK(write(*model, pair, m_output, context));
        output.document["output"] = m_output.string();
        output.text += "\nWritten: " + m_output.string() + "\n";
    }
    return output;
}

} // namespace qs::app
