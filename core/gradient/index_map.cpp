#include "core/gradient/index_map.h"

#include <cstring>
#include <limits>
#include <numeric>

namespace qs {

bool IndexMap::isFor(const KernelCall &call, const std::vector<bool> &isData) const {
    if (m_shapes.size() != call.inputs.size())
        return false;
    for (std::size_t i = 0; i < m_shapes.size(); ++i) {
        const Tensor &operand = call.inputs[i];
        if (operand.empty() != (m_sides[i].empty() && !isData[i]) || m_shapes[i] != operand.shape())
            return false;
        if (!isData[i] && !operand.empty() &&
            std::memcmp(operand.bytes(), m_sides[i].bytes(), operand.sizeBytes()) != 0)
            return false;
    }
    return true;
}

Status IndexMap::update(const Kernel &kernel, const KernelCall &call,
                        std::span<const std::size_t> dataOperands) {
    std::vector<bool> isData(call.inputs.size(), false);
    for (const std::size_t index : dataOperands)
        isData[index] = true;
    if (isFor(call, isData))
        return {};
    std::vector<Tensor> numbers(call.inputs.begin(), call.inputs.end());
    std::vector<std::int64_t> first{0};
    for (const std::size_t index : dataOperands) {
        const std::int64_t begin = first.back();
        first.push_back(begin + numbers[index].numel());
        if (first.back() >= std::numeric_limits<std::int32_t>::max())
            return fail(ErrorCode::Unsupported, "2^31 elements or more");
        Tensor numbered = Tensor::allocate(DType::Int32, numbers[index].shape());
        const auto values = numbered.mutableValues<std::int32_t>();
        std::iota(values.begin(), values.end(), static_cast<std::int32_t>(begin));
        numbers[index] = std::move(numbered);
    }
    KernelCall numbering{numbers, call.ctx, call.pool, call.limitBytes};
    QS_TRY(m_sources, kernel(numbering));
    m_first = std::move(first);
    m_shapes.clear();
    m_sides.assign(call.inputs.size(), {});
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
        m_shapes.push_back(call.inputs[i].shape());
        if (!isData[i])
            m_sides[i] = call.inputs[i];
    }
    return {};
}

} // namespace qs
