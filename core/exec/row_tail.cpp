#include "core/exec/row_tail.h"

#include "core/base/parallel.h"
#include "core/exec/reference/elementwise.h"

#include <unsupported/Eigen/SpecialFunctions>

namespace qs {

Status RowTail::apply(Tensor &tensor, const RunContext &ctx) const {
    const Shape &shape = tensor.shape();
    const std::int64_t length = shape[shape.rank() - 1];
    if (tensor.numel() == 0)
        return {};
    float *values = tensor.mutableValues<float>().data();
    const std::int64_t grain = std::max<std::int64_t>(1, 8192 / length);
    return parallelFor(tensor.numel() / length, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end; ++line) {
            MutableArray<float> row(values + line * length, length);
            if (!bias.empty())
                row += ConstArray<float>(bias.data(), length);
            if (activation == Activation::Gelu)
                row = (row * ((row / divisor).erf() + one)) * half;
            else if (activation == Activation::Silu)
                row = row * (1.0f / (1.0f + (-row).exp()));
        }
    });
}

} // namespace qs
