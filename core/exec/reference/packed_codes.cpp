#include "core/exec/reference/packed_codes.h"

#include "core/tensor/convert.h"

namespace qs {

Result<Tensor> packCodes(const KernelCall &call, const Tensor &codes, DType type) {
    if (dtypeBits(type) >= 8)
        return castTensor(codes, type);
    QS_TRY(Tensor packed, call.allocate(type, codes.shape()));
    const std::span<const std::int32_t> values = codes.values<std::int32_t>();
    const auto bits = static_cast<std::size_t>(dtypeBits(type)), perByte = 8 / bits;
    auto *bytes = reinterpret_cast<std::uint8_t *>(packed.mutableBytes());
    std::fill_n(bytes, packed.sizeBytes(), std::uint8_t{0});
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto code = static_cast<unsigned>(values[i]) & ((1u << bits) - 1);
        bytes[i / perByte] = static_cast<std::uint8_t>(bytes[i / perByte] | code << (i % perByte * bits));
    }
    return packed;
}

Result<Tensor> unpackBits(const KernelCall &call, const Tensor &packed) {
    QS_TRY(Tensor codes, call.allocate(DType::Int32, packed.shape()));
    const auto bits = static_cast<std::size_t>(dtypeBits(packed.dtype())), perByte = 8 / bits;
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(packed.bytes());
    const std::span<std::int32_t> values = codes.mutableValues<std::int32_t>();
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = bytes[i / perByte] >> (i % perByte * bits) & ((1 << bits) - 1);
    return codes;
}

bool isPackedType(DType type) {
    return dtypeBits(type) > 0 && dtypeBits(type) < 8;
}

} // namespace qs
