#include "core/analysis/cell_facts.h"

#include "core/base/number_text.h"

#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {
namespace {

using Facts = std::vector<CellFact>;

std::string rangeText(std::int64_t first, std::int64_t end) {
    return end - first == 1 ? std::to_string(first) : fmt::format("{} to {}", first, end - 1);
}

std::string signedText(double value, int digits) {
    return (value > 0 ? "+" : "") + significant(value, digits);
}

void addPlace(Facts &facts, const Layer &layer, const WeightPlace &place) {
    const bool isTable = layer.kind == LayerKind::Embedding;
    facts.push_back({"row", std::to_string(place.row),
                     isTable ? "entry of the table" : "output channel: row of the weight matrix"});
    facts.push_back({"column", std::to_string(place.col), "column of the weight matrix [outputs, inputs]"});
    if (layer.kind == LayerKind::Conv) {
        facts.push_back({"input channel", std::to_string(place.inputChannel),
                         "channel of the activation that this weight multiplies"});
        if (place.kernel.size() == 2)
            facts.push_back({"kernel y, x", fmt::format("{}, {}", place.kernel[0], place.kernel[1]), ""});
        else if (!place.kernel.empty())
            facts.push_back({"kernel position", fmt::format("{}", fmt::join(place.kernel, ", ")), ""});
    }
    facts.push_back({"flat index", withThousands(place.matrixIndex), "row · columns + column"});
    facts.push_back({"in the model", fmt::format("[{}]", fmt::join(place.storedPosition, ", ")),
                     fmt::format("index into the tensor as it is stored; flat {}", place.storedIndex)});
}

/// What takes the place of an integer zero point.
void addZero(Facts &facts, const QuantizedMatrix &matrix, const QuantizedCell &cell, std::size_t slice) {
    if (!matrix.levels.empty()) {
        const bool own = matrix.levels.size() > std::size_t{1} << matrix.bits;
        const auto level =
            static_cast<std::size_t>(cell.code - codeRange(matrix.bits, matrix.convention).lowest) +
            (own ? slice << matrix.bits : 0);
        facts.push_back({"level", exactText(matrix.levels[level]), "what the code stands for at scale 1"});
    } else if (!matrix.realZeroPoints.empty()) {
        facts.push_back(
            {"zero point", exactText(matrix.realZeroPoints[slice]), "no code: stored as a number"});
    } else {
        facts.push_back({"zero point", std::to_string(cell.grid.zeroPoint), "the code of 0"});
    }
}

void addQuantized(Facts &facts, const QuantizedMatrix &matrix, const CellInspection &inspection) {
    const QuantizedCell &cell = *inspection.quantized;
    const auto slice = static_cast<std::size_t>(matrix.slice(inspection.place.row, inspection.place.col));
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    facts.push_back({"code", fmt::format("{} of {} to {}", cell.code, range.lowest, range.highest), ""});
    if (cell.isClipped)
        facts.push_back({"clipped", "yes", "the value lies beyond the last code"});
    facts.push_back({"code in bits", cell.bits,
                     range.lowest < 0 ? "two's complement, highest bit first" : "highest bit first"});
    facts.push_back({"scale", exactText(cell.grid.scale), "weight units per code step"});
    if (matrix.sliceStorage)
        facts.push_back({"scale stored in", significant(matrix.sliceStorage->scaleBits) + " bits",
                         "with its share of what several scales have in common"});
    else
        facts.push_back({"scale stored as", matrix.scaleAsFloat16 ? "float16" : "float32", ""});
    addZero(facts, matrix, cell, slice);
    facts.push_back({"dequantized", exactText(cell.dequantized),
                     matrix.levels.empty() ? "scale · (code − zero point)" : "scale · level"});
    if (!cell.hasOriginal) {
        facts.push_back(
            {"error", "not available", "the float weight is not in the file that the codes came with"});
        return;
    }
    facts.push_back({"error", signedText(cell.error, 6), "dequantized − value, weight units"});
    facts.push_back({"error in steps", signedText(cell.errorInSteps, 4), "error / scale"});
}

void addBlock(Facts &facts, const QuantizedMatrix *matrix, const BlockFacts &block) {
    const std::string name = !matrix ? "row" : std::string(granularityName(matrix->layout.granularity));
    if (block.group >= 0)
        facts.push_back({"group", fmt::format("{} of the row", block.group), "counted from 0"});
    const std::string what = !matrix            ? "its row"
                             : block.group >= 0 ? "its group"
                                                : "all that share the scale";
    facts.push_back({name + " rows", rangeText(block.firstRow, block.endRow), "rows of " + what});
    facts.push_back({name + " columns",
                     rangeText(block.firstCol, block.endCol) +
                         (block.isScattered ? fmt::format(", {} of them", block.count) : ""),
                     "columns of " + what});
    facts.push_back({name + " size", withThousands(block.count), "weights"});
    if (block.notFinite > 0)
        facts.push_back({name + " not finite", withThousands(block.notFinite),
                         "NaN or Inf; left out of min, max and mean"});
    facts.push_back({name + " min", exactText(static_cast<float>(block.min)), ""});
    facts.push_back({name + " max", exactText(static_cast<float>(block.max)), ""});
    facts.push_back({name + " mean", significant(block.mean, 6), ""});
    if (!block.error)
        return;
    const double sqnr = block.error->sqnrDb();
    facts.push_back({name + " SQNR",
                     sqnr >= ErrorMetrics::kMaxSqnrDb ? "exact" : fmt::format("{:.2f} dB", sqnr),
                     "10 log10(Σ value² / Σ error²)"});
}

} // namespace

std::string exactText(float value) {
    return std::isnan(value) ? "NaN" : fmt::format("{}", value);
}

std::vector<CellFact> cellFacts(const Layer &layer, const QuantizedMatrix *matrix,
                                const CellInspection &cell) {
    Facts facts;
    addPlace(facts, layer, cell.place);
    if (!cell.quantized || cell.quantized->hasOriginal)
        facts.push_back({"value", exactText(cell.value), "the weight in float, exact"});
    if (matrix && cell.quantized)
        addQuantized(facts, *matrix, cell);
    addBlock(facts, matrix, cell.block);
    return facts;
}

} // namespace qs
