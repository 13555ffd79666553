#include "app/cli/tensor_command.h"

#include "app/cli/text_table.h"
#include "core/analysis/stored_block.h"
#include "core/base/number_text.h"
#include "core/figure/tensor_figure.h"
#include "core/session/stored_run.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;
using Cell = std::pair<std::int64_t, std::int64_t>;

constexpr std::size_t kDefaultWorst = 3; ///< shown when nothing was asked for

/// "3,17". \error InvalidArgument
Result<Cell> parseCell(const std::string &text) {
    Cell cell;
    const char *end = text.data() + text.size();
    const auto row = std::from_chars(text.data(), end, cell.first);
    if (row.ec == std::errc() && row.ptr != end && *row.ptr == ',')
        if (const auto col = std::from_chars(row.ptr + 1, end, cell.second);
            col.ec == std::errc() && col.ptr == end)
            return cell;
    return fail(ErrorCode::InvalidArgument, fmt::format("--at '{}' is not of the form ROW,COLUMN", text));
}

/// JSON has no NaN.
Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}
/// As double, 0.1f would become 0.10000000149011612.
Json number(float value) {
    return std::isfinite(value) ? Json::parse(exactText(value)) : Json(nullptr);
}

Json blockReport(const BlockFacts &block) {
    Json report = {{"slice", block.slice >= 0 ? Json(block.slice) : Json(nullptr)},
                   {"group", block.group >= 0 ? Json(block.group) : Json(nullptr)},
                   {"rows", {block.firstRow, block.endRow}},
                   {"columns", {block.firstCol, block.endCol}},
                   {"scattered", block.isScattered},
                   {"count", block.count},
                   {"not_finite", block.notFinite},
                   {"min", number(static_cast<float>(block.min))},
                   {"max", number(static_cast<float>(block.max))},
                   {"mean", number(block.mean)}};
    if (block.error) {
        report["mse"] = number(block.error->mse());
        report["sqnr_db"] = number(block.error->sqnrDb());
    }
    return report;
}

Json cellReport(const CellInspection &cell) {
    const WeightPlace &place = cell.place;
    Json report = {{"row", place.row},
                   {"column", place.col},
                   {"input_channel", place.inputChannel},
                   {"kernel", place.kernel},
                   {"flat_index", place.matrixIndex},
                   {"stored_index", place.storedPosition},
                   {"stored_flat_index", place.storedIndex},
                   {"value", number(cell.value)}};
    if (const auto &quantized = cell.quantized) {
        report["code"] = quantized->code;
        report["bits"] = quantized->bits;
        report["clipped"] = quantized->isClipped;
        report["scale"] = number(quantized->grid.scale);
        report["zero_point"] = quantized->grid.zeroPoint;
        report["dequantized"] = number(quantized->dequantized);
        report["error"] = quantized->hasOriginal ? number(quantized->error) : Json(nullptr);
        report["error_in_steps"] = quantized->hasOriginal ? number(quantized->errorInSteps) : Json(nullptr);
    }
    report["block"] = blockReport(cell.block);
    return report;
}

Json storedReport(const StoredBlock &block) {
    const BlockFormat &format = blockFormat(block.type);
    const BlockParts &parts = block.parts;
    const auto first = [](const auto &values, int count) {
        return Json(std::vector(values.begin(), values.begin() + count));
    };
    const auto numbers = [&](const auto &values) {
        Json list = Json::array();
        for (int s = 0; s < parts.subBlocks; ++s)
            list.push_back(number(values[static_cast<std::size_t>(s)]));
        return list;
    };
    Json report = {{"format", format.name},
                   {"block", block.block},
                   {"first_column", block.firstCol},
                   {"byte_offset", block.byteOffset},
                   {"bytes", hexText(block.bytes)},
                   {"element", block.element},
                   {"sub_block", parts.subBlockOf(block.element)},
                   {"codes", first(parts.codes, parts.elements)},
                   {"scales", numbers(parts.scales)}};
    if (parts.hasMinima)
        report["minima"] = numbers(parts.minima);
    if (parts.scaleCodeBits > 0) {
        report["super_scale"] = number(parts.superScale);
        report["scale_codes"] = first(parts.scaleCodes, parts.subBlocks);
    }
    if (parts.scaleCodeBits > 0 && parts.hasMinima) {
        report["super_minimum"] = number(parts.superMinimum);
        report["minimum_codes"] = first(parts.minimumCodes, parts.subBlocks);
    }
    if (block.error)
        report["sqnr_db"] = block.error->sqnrDb();
    return report;
}

Json documentOf(const TensorJob::Result &job) {
    Json document = {{"model", job.run->provenance.modelFile},
                     {"sha256", job.run->provenance.modelSha256},
                     {"layer", job.layer->name},
                     {"kind", layerKindName(job.layer->kind)},
                     {"shape", {job.layer->outChannels, job.layer->inPerOut}},
                     {"stored_shape", job.layer->weightShape.dims()},
                     {"format", nullptr},
                     {"cells", Json::array()}};
    if (const auto &matrix = job.matrix)
        document["format"] = {{"bits", matrix->bits},
                              {"convention", gridConventionName(matrix->convention)},
                              {"granularity", granularityName(matrix->layout.granularity)},
                              {"group_size", matrix->layout.groupSize},
                              {"scale_type", matrix->scaleAsFloat16 ? "float16" : "float32"}};
    document["stored_as"] = job.form.empty() ? Json(nullptr) : Json(job.form);
    return document;
}

std::string headline(const TensorJob::Result &job) {
    std::string text = fmt::format("{}: {} outputs × {} inputs, {}\n", job.layer->name,
                                   withThousands(job.layer->outChannels), withThousands(job.layer->inPerOut),
                                   job.matrix ? gridText(*job.matrix) : "not quantized");
    if (!job.form.empty())
        text += fmt::format("The codes that the file stores: {}\n", job.form);
    if (!job.hasOriginal)
        text += "Errors are not available: the float weights are not in this file. --original FILE compares "
                "with them.\n";
    return text;
}

std::string cellText(const TensorJob::Result &job, const CellInspection &cell,
                     const std::optional<StoredBlock> &stored) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const CellFact &fact : cellFacts(*job.layer, job.matrix.get(), cell))
        lines.emplace_back(fact.name, fact.value);
    for (const CellFact &fact : stored ? storedBlockFacts(*stored) : std::vector<CellFact>())
        lines.emplace_back(fact.name, fact.value);
    return "\n" + alignedPairs(lines);
}

} // namespace

Result<TensorJob::Result> TensorJob::execute(const CommandContext &context) const {
    QS_TRY(const auto model, inputs.openModel(context));
    if (model->layers.empty())
        return fail(ErrorCode::Unsupported, "the model has no layer that can be quantized",
                    model->file.string());
    const bool asStored = !model->stored.empty() && !recipe.isGiven();
    if (!original.empty() && !asStored)
        return fail(ErrorCode::InvalidArgument,
                    recipe.isGiven() ? "--original goes with the codes of a file, not with a recipe"
                                     : "--original goes with a file that holds codes; this one holds none");
    QS_TRY(Result result, asStored ? stored(model, context) : quantized(*model, context));
    const Model &shown = asStored ? *result.run->model : *result.run->quantizedModel();
    QS_TRY(result.weights, weightMatrix(*result.layer, shown.graph));
    if (const auto &found = result.run->layers[static_cast<std::size_t>(result.layer->id)]) {
        result.matrix = found->quantized.weight;
        result.hasOriginal = found->hasOriginal;
        result.method = found->choice.weight ? found->choice.weight->method : "";
    }
    return result;
}

Result<TensorJob::Result> TensorJob::quantized(const Model &model, const CommandContext &context) const {
    const Layer *layer = &model.layers.front();
    if (!layerName.empty()) {
        QS_TRY(layer, findLayer(model, layerName));
    }
    RunJob job{inputs, recipe};
    job.measure = false;
    job.onlyLayer = layer->name;
    Result result;
    QS_TRY(result.run, job.execute(context));
    result.layer = result.run->model->findLayer(layer->name);
    return result;
}

Result<TensorJob::Result> TensorJob::stored(std::shared_ptr<const Model> model,
                                            const CommandContext &context) const {
    Result result;
    if (original.empty())
        result.run = storedRun(model);
    else {
        RunRequest request;
        QS_TRY(request.model, openModelFile(original, context));
        QS_TRY(result.run, readStoredRun(request, *model, {}, context.findings, context.run));
    }
    if (layerName.empty()) {
        const auto held = std::ranges::find_if(result.run->layers, [](const auto &layer) {
            return layer && layer->quantized.weight != nullptr;
        });
        result.layer = &result.run->model->layers[static_cast<std::size_t>((*held)->layer)];
    } else {
        QS_TRY(result.layer, findLayer(*result.run->model, layerName));
    }
    result.form = model->file.filename().string();
    if (const Layer *own = model->findLayer(result.layer->name))
        if (const auto found = model->stored.find(own->id); found != model->stored.end())
            result.form = found->second->form;
    return result;
}

void TensorCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    app.add_option("--layer", m_layer, "Which layer (default: the first one)")->type_name("NAME");
    app.add_option("--at", m_at, "A weight by output row and input column, from 0; may be repeated")
        ->type_name("ROW,COL")
        ->take_all();
    m_worstOption =
        app.add_option("--worst", m_worst, "The N weights of largest |dequantized − weight|, worst first")
            ->check(CLI::Range(std::size_t{1}, std::size_t{10000}))
            ->type_name("N");
    app.add_option("--original", m_original,
                   "For a file that holds codes: the float model that they were made from")
        ->type_name("FILE");
    m_inputs.addCalibration(app, false);
    m_recipe.add(app);
    app.footer(
        "Rows are output channels, columns inputs: for convolutions channel, ky and kx in this order.\n"
        "Without --at and --worst the three worst weights are shown. Of a file that holds codes, those are\n"
        "shown, unless an option of the recipe asks for others.");
}

Result<std::vector<Cell>> TensorCommand::cells(const TensorJob::Result &job,
                                               const CommandContext &context) const {
    std::vector<Cell> cells;
    for (const std::string &text : m_at) {
        QS_TRY(const Cell cell, parseCell(text));
        cells.push_back(cell);
    }
    const bool asked = m_worstOption->count() > 0;
    if (asked && !job.hasOriginal)
        return fail(ErrorCode::InvalidArgument,
                    "--worst needs errors, and the float weights are not in this file: give --original FILE");
    if (cells.empty() && !job.hasOriginal)
        cells.emplace_back(0, 0);
    const std::size_t worst = asked ? m_worst : cells.empty() ? kDefaultWorst : 0;
    if (worst > 0 && job.matrix) {
        QS_TRY(const std::vector<Cell> found, worstCells(job.view(), *job.matrix, worst, context.run));
        cells.insert(cells.end(), found.begin(), found.end());
    }
    return cells;
}

Result<CommandOutput> TensorCommand::run(const CommandContext &context) {
    for (const std::string &text : m_at) { // before anything takes time
        QS_CHECK_OK(parseCell(text));
    }
    const TensorJob tensor{m_inputs, m_recipe, m_layer, m_original};
    QS_TRY(const TensorJob::Result job, tensor.execute(context));
    QS_TRY(const std::vector<Cell> shown, cells(job, context));
    CommandOutput output{documentOf(job), headline(job)};
    for (const auto &[row, col] : shown) {
        QS_TRY(CellInspection cell,
               inspectCell(*job.layer, job.view(), job.matrix.get(), row, col, context.run));
        if (!job.hasOriginal)
            cell.forgetErrors();
        const auto stored = blockBehind({*job.layer, job.run->quantizedModel()->graph, job.view(),
                                         job.matrix.get(), job.method, job.hasOriginal},
                                        cell);
        output.document["cells"].push_back(cellReport(cell));
        if (stored)
            output.document["cells"].back()["stored"] = storedReport(*stored);
        output.text += cellText(job, cell, stored);
    }
    return output;
}

} // namespace qs::app
