#include "core/exec/reference/float_operands.h"

#include <fmt/format.h>

namespace qs {

Status requireFloat32Operands(const KernelCall &call, std::initializer_list<std::size_t> operands) {
    for (const std::size_t i : operands)
        if (call.has(i) && call[i].dtype() != DType::Float32)
            return fail(ErrorCode::Unsupported,
                        fmt::format("input {} of type {}", i, dtypeName(call[i].dtype())));
    return {};
}

} // namespace qs
