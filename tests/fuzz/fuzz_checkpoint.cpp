#include "core/base/json_text.h"
#include "core/io/quantized/checkpoint.h"
#include "tests/fuzz/memory_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fuzzer/FuzzedDataProvider.h>

// Packed modules of GPTQ, AWQ, compressed-tensors and bitsandbytes: a config.json up to its first zero byte,
// then tensors of any of their names, types and shapes.

namespace {

using namespace qs;

constexpr std::array<const char *, 26> kParts{"qweight",
                                              "qzeros",
                                              "scales",
                                              "g_idx",
                                              "weight",
                                              "weight_packed",
                                              "weight_scale",
                                              "weight_scale_inv",
                                              "weight_zero_point",
                                              "weight_shape",
                                              "weight_g_idx",
                                              "weight_global_scale",
                                              "input_scale",
                                              "input_zero_point",
                                              "input_global_scale",
                                              "output_scale",
                                              "bias",
                                              "SCB",
                                              "weight.absmax",
                                              "weight.quant_map",
                                              "weight.nested_absmax",
                                              "weight.nested_quant_map",
                                              "weight.quant_state.bitsandbytes__nf4",
                                              "weight.quant_state.bitsandbytes__fp4",
                                              "weight_format",
                                              "x"};
constexpr std::array<DType, 14> kTypes{DType::Int32,   DType::Float32,   DType::Float16,      DType::UInt8,
                                       DType::Int8,    DType::Int64,     DType::Float8E4M3FN, DType::BFloat16,
                                       DType::Float64, DType::Int16,     DType::UInt16,       DType::Bool,
                                       DType::Int4,    DType::Float4E2M1};
constexpr std::array<std::int64_t, 12> kDims{0, 1, 2, 3, 4, 8, 16, 32, 64, 96, 128, 256};
constexpr std::int64_t kMostElements = 4096;
constexpr const char *kState =
    R"({"quant_type":"nf4","blocksize":64,"shape":[16,16],"nested_blocksize":256})";

/// Elements follow from a few bytes, so that large tensors do not need large inputs.
Tensor readTensor(FuzzedDataProvider &input) {
    const DType type = input.PickValueInArray(kTypes);
    std::vector<std::int64_t> dims(input.ConsumeIntegralInRange<std::size_t>(0, 3));
    for (std::int64_t &dim : dims)
        dim = input.PickValueInArray(kDims);
    Shape shape(std::move(dims));
    if (shape.numel() > kMostElements)
        shape = Shape{kMostElements};
    Tensor tensor = Tensor::zeros(type, std::move(shape));
    std::string pattern = input.ConsumeBool() ? kState : input.ConsumeRandomLengthString(96);
    const std::size_t size = pattern.empty() ? 0 : tensor.sizeBytes();
    for (std::size_t i = 0; i < size; ++i)
        tensor.mutableBytes()[i] = static_cast<std::byte>(pattern[i % pattern.size()]);
    normaliseBools(tensor);
    return tensor;
}

/// As the importer names and gives them: each name once.
std::vector<NamedTensor> readTensors(FuzzedDataProvider &input) {
    std::map<std::string, Tensor> tensors;
    while (input.remaining_bytes() > 0 && tensors.size() < 16) {
        const std::string module = input.ConsumeBool() ? "a" : "layers.0.b";
        tensors[module + "." + input.PickValueInArray(kParts)] = readTensor(input);
    }
    std::vector<NamedTensor> named;
    for (const auto &[name, tensor] : tensors)
        named.push_back({name, tensor});
    return named;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view all = fuzz::textOf(data, size);
    const std::size_t text = std::min(all.find('\0'), size);
    const auto config = parseJson(all.substr(0, text), "config.json");
    auto scheme = config ? readCheckpointScheme(*config, fuzz::memoryFolder()) : fail(config.error());
    if (!scheme || !*scheme)
        return 0;
    FuzzedDataProvider input(data + text, size - text);
    const std::vector<NamedTensor> tensors = readTensors(input);
    const PackedCheckpoint packed(std::move(**scheme), tensors);
    FindingList findings;
    (void)packed.unpack(tensors, text % 2 == 1, findings, {});
    for (const char *weight : {"a.weight", "b.weight", "layers.0.b.weight", "c.weight"})
        (void)packed.find(weight);
    return 0;
}
