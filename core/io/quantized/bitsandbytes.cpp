#include "core/base/json_text.h"
#include "core/io/quantized/checkpoint.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

Result<const Tensor *> required(const ModuleTensors &tensors, const std::string &name, DType type) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
        return fail(ErrorCode::NotFound, fmt::format("has no tensor '{}'", name));
    if (found->second.dtype() != type)
        return wrong(fmt::format("has {} of type {}, needs {}", name, dtypeName(found->second.dtype()),
                                 dtypeName(type)));
    return &found->second;
}

/// What the bytes of quant_state say, as JSON.
struct QuantState {
    std::int64_t blockSize = 64, nestedBlockSize = 256;
    double nestedOffset = 0;
    Shape shape;
};

Result<std::int64_t> countOf(const nlohmann::json &json, const char *key, std::int64_t fallback) {
    const auto found = json.find(key);
    if (found == json.end())
        return fallback;
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    if (!found->is_number_integer() || *found < 1 || *found > kMost)
        return wrong(fmt::format("has a quant_state whose '{}' is no count", key));
    return found->get<std::int64_t>();
}

Result<QuantState> readState(const ModuleTensors &tensors) {
    const auto found = std::find_if(tensors.begin(), tensors.end(), [](const auto &part) {
        return part.first.starts_with("quant_state.bitsandbytes__");
    });
    if (found == tensors.end() || found->second.dtype() != DType::UInt8)
        return fail(ErrorCode::NotFound, "has no quant_state of type uint8");
    const auto bytes = found->second.values<std::uint8_t>();
    QS_TRY(const nlohmann::json json,
           parseJson({reinterpret_cast<const char *>(bytes.data()), bytes.size()}, "quant_state"));
    if (!json.is_object() || !json.contains("shape") || !json["shape"].is_array() ||
        json["shape"].size() != 2)
        return wrong("has a quant_state without a shape [out, in]");
    QuantState state;
    QS_TRY(state.blockSize, countOf(json, "blocksize", 64));
    QS_TRY(state.nestedBlockSize, countOf(json, "nested_blocksize", 256));
    const nlohmann::json sizes{{"out", json["shape"][0]}, {"in", json["shape"][1]}};
    QS_TRY(const std::int64_t rows, countOf(sizes, "out", 0));
    QS_TRY(const std::int64_t cols, countOf(sizes, "in", 0));
    state.shape = Shape{rows, cols};
    if (const auto offset = json.find("nested_offset"); offset != json.end() && offset->is_number())
        state.nestedOffset = offset->get<double>();
    return state;
}

Status readScales(const ModuleTensors &tensors, const QuantState &state, WeightGrid &grid) {
    if (!tensors.contains("nested_absmax")) {
        QS_TRY(const Tensor *absmax, required(tensors, "absmax", DType::Float32));
        grid.scales.assign(absmax->values<float>().begin(), absmax->values<float>().end());
        return {};
    }
    QS_TRY(const Tensor *codes, required(tensors, "absmax", DType::UInt8));
    QS_TRY(const Tensor *map, required(tensors, "nested_quant_map", DType::Float32));
    QS_TRY(const Tensor *outer, required(tensors, "nested_absmax", DType::Float32));
    const std::int64_t blocks = (codes->numel() + state.nestedBlockSize - 1) / state.nestedBlockSize;
    if (map->numel() != 256 || outer->numel() != blocks)
        return wrong(fmt::format("has {} nested scales and {} levels for {} blocks", outer->numel(),
                                 map->numel(), codes->numel()));
    const auto offset = static_cast<float>(state.nestedOffset);
    for (std::size_t i = 0; i < static_cast<std::size_t>(codes->numel()); ++i)
        grid.scales.push_back(
            map->values<float>()[codes->values<std::uint8_t>()[i]] *
                outer->values<float>()[i / static_cast<std::size_t>(state.nestedBlockSize)] +
            offset);
    grid.scaleBits = 8 + 32.0 / static_cast<double>(state.nestedBlockSize);
    return {};
}

/// Blocks of the flat weight as blocks of its rows, or of some whole rows.
Status readBlocks(const QuantState &state, WeightGrid &grid) {
    const std::int64_t rows = state.shape[0], cols = state.shape[1], size = state.blockSize;
    if (cols % size == 0)
        grid.block = {1, size};
    else if (size % cols == 0)
        grid.block = {std::min(rows, size / cols), cols};
    else
        return fail(ErrorCode::Unsupported,
                    fmt::format("has blocks of {} that begin within rows of {} inputs", size, cols));
    return {};
}

Result<WeightGrid> readFourBits(const ModuleTensors &tensors) {
    QS_TRY(const Tensor *packed, required(tensors, "weight", DType::UInt8));
    QS_TRY(const Tensor *map, required(tensors, "quant_map", DType::Float32));
    QS_TRY(const QuantState state, readState(tensors));
    const std::int64_t count = state.shape.numel();
    if (packed->numel() != (count + 1) / 2 || map->numel() != 16)
        return wrong(fmt::format("has {} bytes and {} levels for a weight {}", packed->numel(), map->numel(),
                                 state.shape.text()));
    WeightGrid grid;
    grid.form = "bitsandbytes";
    grid.rowsFirst = true;
    grid.shape = state.shape;
    grid.bits = 4;
    grid.levels.assign(map->values<float>().begin(), map->values<float>().end());
    grid.codes.resize(static_cast<std::size_t>(count));
    const auto bytes = packed->values<std::uint8_t>();
    for (std::size_t i = 0; i < grid.codes.size(); ++i) // the first of two in the high half
        grid.codes[i] = i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15;
    QS_CHECK_OK(readBlocks(state, grid));
    QS_CHECK_OK(readScales(tensors, state, grid));
    QS_CHECK_OK(grid.check());
    return grid;
}

Result<WeightGrid> readEightBits(const ModuleTensors &tensors) {
    QS_TRY(const Tensor *weight, required(tensors, "weight", DType::Int8));
    QS_TRY(const Tensor *absmax, required(tensors, "SCB", DType::Float32));
    if (weight->shape().rank() != 2 || absmax->numel() != weight->shape()[0])
        return wrong(
            fmt::format("has {} scales SCB for a weight {}", absmax->numel(), weight->shape().text()));
    WeightGrid grid;
    grid.form = "bitsandbytes LLM.int8()";
    grid.rowsFirst = true;
    grid.shape = weight->shape();
    grid.isSigned = true;
    QS_TRY(grid.codes, integerCodes(*weight));
    grid.block = {1, weight->shape()[1]};
    for (const float largest : absmax->values<float>())
        grid.scales.push_back(largest / 127);
    QS_CHECK_OK(grid.check());
    return grid;
}

} // namespace

Result<WeightGrid> readBitsAndBytesModule(const ModuleTensors &tensors) {
    return tensors.contains("SCB") ? readEightBits(tensors) : readFourBits(tensors);
}

} // namespace qs
