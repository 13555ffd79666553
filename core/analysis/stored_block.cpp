#include "core/analysis/stored_block.h"

#include "core/base/number_text.h"
#include "core/graph/stored_weight.h"
#include "core/tensor/blocks/block_codec.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {
namespace {

using Facts = std::vector<CellFact>;

void addPlace(Facts &facts, const StoredBlock &block) {
    const BlockFormat &format = blockFormat(block.type);
    facts.push_back({block.isMade ? "exported to GGUF as" : "stored as",
                     fmt::format("{}, {:.4g} bits a weight", format.name, format.bitsPerValue()),
                     fmt::format("blocks of {} weights in {} bytes", format.elements, format.bytes)});
    facts.push_back({"stored block",
                     fmt::format("{} of the row, columns {} to {}", block.block, block.firstCol,
                                 block.firstCol + format.elements - 1),
                     "counted from 0"});
    facts.push_back(
        {"block bytes", hexText(block.bytes),
         fmt::format("hexadecimal, from byte {} of the tensor", withThousands(block.byteOffset))});
}

void addCode(Facts &facts, const StoredBlock &block) {
    const BlockParts &parts = block.parts;
    const int code = parts.codes[static_cast<std::size_t>(block.element)];
    facts.push_back({"stored code", fmt::format("{} ({} bits)", code, parts.codeBits),
                     fmt::format("of element {} of the block", block.element)});
    if (!parts.levels.empty())
        facts.push_back({"stored level", std::to_string(parts.level(block.element)),
                         "entry of the format's codebook that the code points to"});
    else if (parts.zeroPoint != 0)
        facts.push_back(
            {"stored zero point", std::to_string(parts.zeroPoint), "the code of 0, part of the format"});
}

/// Of the sub-block with the element.
void addSubBlock(Facts &facts, const StoredBlock &block) {
    const BlockParts &parts = block.parts;
    const auto part = static_cast<std::size_t>(parts.subBlockOf(block.element));
    if (parts.subBlocks > 1)
        facts.push_back({"sub-block",
                         fmt::format("{} of {}, {} weights", part, parts.subBlocks, parts.subBlockLength()),
                         "counted from 0; its weights share a scale"});
    if (parts.scaleCodeBits > 0)
        facts.push_back({"scale code",
                         fmt::format("{} ({} bits)", parts.scaleCodes[part], parts.scaleCodeBits),
                         "scale = super-scale · scale code"});
    facts.push_back({"stored scale", exactText(parts.scales[part]),
                     parts.hasMinima ? "value = scale · code − minimum" : "value = scale · level"});
    if (parts.hasMinima && parts.scaleCodeBits > 0)
        facts.push_back({"minimum code",
                         fmt::format("{} ({} bits)", parts.minimumCodes[part], parts.scaleCodeBits),
                         "minimum = super-minimum · minimum code"});
    if (parts.hasMinima)
        facts.push_back({"stored minimum", exactText(parts.minima[part]), "is subtracted"});
}

/// Of the whole block.
void addLists(Facts &facts, const StoredBlock &block) {
    const BlockParts &parts = block.parts;
    const auto subBlocks = static_cast<std::size_t>(parts.subBlocks);
    const bool super = parts.scaleCodeBits > 0;
    // NVFP4 stores a number for every sub-block and nothing above them.
    if (super && block.type != BlockType::NVFP4)
        facts.push_back({"super-scale", exactText(parts.superScale), "one for the block"});
    if (super && parts.hasMinima)
        facts.push_back({"super-minimum", exactText(parts.superMinimum), "one for the block"});
    if (super)
        facts.push_back({"scale codes",
                         fmt::format("{}", fmt::join(std::span(parts.scaleCodes).first(subBlocks), " ")),
                         "of the sub-blocks in their order"});
    if (super && parts.hasMinima)
        facts.push_back({"minimum codes",
                         fmt::format("{}", fmt::join(std::span(parts.minimumCodes).first(subBlocks), " ")),
                         "of the sub-blocks in their order"});
    const auto length = static_cast<std::size_t>(parts.subBlockLength());
    const auto first = static_cast<std::size_t>(parts.subBlockOf(block.element)) * length;
    const std::size_t shown = std::min<std::size_t>(length, 64);
    facts.push_back({"stored codes",
                     fmt::format("{}{}", fmt::join(std::span(parts.codes).subspan(first, shown), " "),
                                 shown < length ? fmt::format(" … {} in all", length) : ""),
                     subBlocks > 1 ? "of the sub-block" : "of the block"});
}

void addError(Facts &facts, const ErrorMetrics &error) {
    facts.push_back({"block SQNR", fmt::format("{:.2f} dB", error.sqnrDb()),
                     fmt::format("of the {} weights of the stored block", error.count)});
    facts.push_back({"block largest error", significant(error.maxAbsError), "|value − weight|"});
}

/// The block of a tensor in a block type. Blocks lie along the last axis, which a row of the matrix may hold
/// several times.
std::optional<StoredBlock> blockOf(const Tensor &weight, std::int64_t cols, std::int64_t row,
                                   std::int64_t col) {
    const BlockFormat *format = blockFormatOf(weight.dtype());
    if (!format || !format->decodable)
        return std::nullopt;
    const std::int64_t index = (row * cols + col) / format->elements;
    StoredBlock block;
    block.type = format->type;
    block.element = static_cast<int>(col % format->elements);
    block.block = col / format->elements;
    block.firstCol = col - block.element;
    block.byteOffset = index * format->bytes;
    const std::byte *bytes = weight.bytes() + block.byteOffset;
    block.bytes.assign(bytes, bytes + format->bytes);
    unpackBlock(format->type, bytes, block.parts);
    return block;
}

/// What the method makes of the block around an element; rows and blocks do not depend on each other.
std::optional<StoredBlock> madeBlock(const BlockQuestion &question, std::int64_t row, std::int64_t col) {
    const BlockFormat *format = findBlockFormat(question.method);
    if (!format || !canEncode(format->type) || question.weights.cols % format->elements != 0)
        return std::nullopt;
    const std::int64_t first = col - col % format->elements;
    const auto bytes = encodeBlocks(
        format->type, {question.weights.row(row).data() + first, 1, format->elements}, RunContext{});
    if (!bytes)
        return std::nullopt;
    StoredBlock block;
    block.type = format->type;
    block.element = static_cast<int>(col - first);
    block.block = col / format->elements;
    block.firstCol = first;
    block.byteOffset = (row * question.weights.cols + first) / format->elements * format->bytes;
    block.bytes = *bytes;
    block.isMade = true;
    unpackBlock(format->type, bytes->data(), block.parts);
    return block;
}

/// Whether the block gives this value for its element. Minima are real zero points in a run, which round once
/// more.
bool gives(const StoredBlock &block, float value) {
    float largest = 0;
    for (int i = 0; i < block.parts.elements; ++i)
        largest = std::max(largest, std::fabs(block.parts.value(i)));
    return std::fabs(block.parts.value(block.element) - value) <= 1e-6f * largest;
}

ErrorMetrics errorOf(const StoredBlock &block, std::span<const float> row) {
    std::vector<float> values;
    for (int i = 0; i < block.parts.elements; ++i)
        values.push_back(block.parts.value(i));
    ErrorMetrics error;
    error.add(row.subspan(static_cast<std::size_t>(block.firstCol), values.size()), values);
    return error;
}

} // namespace

std::string hexText(std::span<const std::byte> bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        text += fmt::format("{}{:02x}", i > 0 && i % 4 == 0 ? " " : "", std::to_integer<int>(bytes[i]));
    return text;
}

std::optional<StoredBlock> storedBlock(const Layer &layer, const ModelGraph &graph, std::int64_t row,
                                       std::int64_t col) {
    if (row < 0 || row >= layer.outChannels || col < 0 || col >= layer.inPerOut)
        return std::nullopt;
    return blockOf(storedWeight(layer, graph), layer.inPerOut, row, col);
}

std::optional<StoredBlock> blockBehind(const BlockQuestion &question, const CellInspection &inspected) {
    const std::int64_t row = inspected.place.row, col = inspected.place.col;
    std::optional<StoredBlock> block;
    if (question.matrix && !question.matrix->blocks.empty())
        block = blockOf(question.matrix->blocks, question.layer.inPerOut, row, col);
    else if (question.matrix)
        block = madeBlock(question, row, col);
    const float shown = question.matrix ? inspected.quantized->dequantized : inspected.value;
    if (!block || !gives(*block, shown))
        block = storedBlock(question.layer, question.graph, row, col);
    if (!block || !gives(*block, shown))
        return std::nullopt;
    if (question.matrix && question.hasOriginal)
        block->error = errorOf(*block, question.weights.row(row));
    return block;
}

std::vector<CellFact> storedBlockFacts(const StoredBlock &block) {
    Facts facts;
    addPlace(facts, block);
    addCode(facts, block);
    addSubBlock(facts, block);
    addLists(facts, block);
    if (block.error)
        addError(facts, *block.error);
    return facts;
}

} // namespace qs
