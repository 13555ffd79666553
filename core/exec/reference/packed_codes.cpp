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

} // namespace qs
