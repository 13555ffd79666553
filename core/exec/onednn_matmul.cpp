#include "core/base/parallel.h"
#include "core/exec/onednn_gemm.h"
#include "core/exec/onednn_kernels.h"
#include "core/exec/reference/broadcast.h"
#include "core/exec/reference/gemm_check.h"
#include "core/exec/reference/matmul_shape.h"

#include <numeric>

namespace qs {
namespace {

/// Whether entry i of the batch uses matrix i: the operand's batch is one tall matrix.
bool isDense(const std::vector<std::int64_t> &matrices) {
    for (std::size_t i = 0; i < matrices.size(); ++i)
        if (matrices[i] != static_cast<std::int64_t>(i))
            return false;
    return true;
}

bool isShared(const std::vector<std::int64_t> &matrices) {
    return std::all_of(matrices.begin(), matrices.end(), [](std::int64_t index) { return index == 0; });
}

Status multiplyBatches(const MatmulShape &plan, const float *a, const float *b, float *dst,
                       const RunContext &ctx) {
    const GemmSize size{plan.m, plan.n, plan.k};
    if (isShared(plan.bMatrix) && isDense(plan.aMatrix))
        return gemm({plan.batch * plan.m, plan.n, plan.k}, 1, {a, plan.k}, {b, plan.n}, 0, dst, plan.n, ctx);
    if (plan.batch == 1)
        return gemm(size, 1, {a, plan.k}, {b, plan.n}, 0, dst, plan.n, ctx);
    // Small matrices share a task; the number depends on sizes only.
    const std::int64_t perTask =
        std::max<std::int64_t>(1, 400'000 / std::max<std::int64_t>(1, plan.m * plan.n * plan.k));
    return parallelTasks((plan.batch + perTask - 1) / perTask, ctx, [&](std::int64_t task) -> Status {
        for (std::int64_t i = task * perTask; i < std::min(plan.batch, (task + 1) * perTask); ++i) {
            const auto entry = static_cast<std::size_t>(i);
            QS_CHECK_OK(gemmOnThisThread(size, 1, {a + plan.aMatrix[entry] * plan.m * plan.k, plan.k},
                                         {b + plan.bMatrix[entry] * plan.k * plan.n, plan.n}, 0,
                                         dst + i * plan.m * plan.n, plan.n));
        }
        return {};
    });
}

} // namespace

Result<Kernel> oneDnnMatMul(NodeReader &, Kernel reference) {
    return Kernel([reference = std::move(reference)](KernelCall &call) -> Outputs {
        if (!allFloat32(call) || !call.has(0) || !call.has(1))
            return reference(call);
        QS_TRY(const MatmulShape plan, MatmulShape::of(call[0].shape(), call[1].shape()));
        QS_TRY(Tensor result, call.allocate(DType::Float32, plan.result));
        float *dst = result.mutableValues<float>().data();
        if (plan.k == 0)
            std::fill_n(dst, result.numel(), 0.0f);
        else
            QS_CHECK_OK(multiplyBatches(plan, call[0].values<float>().data(), call[1].values<float>().data(),
                                        dst, call.ctx));
        return std::vector<Tensor>{std::move(result)};
    });
}

namespace {

/// dst = beta · C broadcast to [m, n], or 0.
Status fillWithBias(const KernelCall &call, float beta, Tensor &result) {
    float *dst = result.mutableValues<float>().data();
    if (!call.has(2) || beta == 0) {
        std::fill_n(dst, result.numel(), 0.0f);
        return {};
    }
    QS_TRY(const auto loop, planBroadcast<2>({&result.shape(), &call[2].shape()}));
    const float *c = call[2].values<float>().data();
    const std::int64_t stride = loop.innerStride(1);
    return forEachRun(loop, call.ctx, [&](std::int64_t at, const auto &offsets, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i)
            dst[at + i] = beta * c[offsets[1] + i * stride];
    });
}

} // namespace

Result<Kernel> oneDnnGemm(NodeReader &reader, Kernel reference) {
    const bool transA = reader.flag("transA", false), transB = reader.flag("transB", false);
    const auto alpha = static_cast<float>(reader.floatAttribute("alpha", 1));
    const auto beta = static_cast<float>(reader.floatAttribute("beta", 1));
    return Kernel([=, reference = std::move(reference)](KernelCall &call) -> Outputs {
        if (!allFloat32(call))
            return reference(call);
        QS_CHECK_OK(checkGemm(call, transA, transB));
        const Shape &a = call[0].shape(), &b = call[1].shape();
        const GemmSize size{a[transA ? 1 : 0], b[transB ? 0 : 1], a[transA ? 0 : 1]};
        QS_TRY(Tensor result, call.allocate(DType::Float32, Shape{size.m, size.n}));
        QS_CHECK_OK(fillWithBias(call, beta, result));
        if (size.k > 0) {
            QS_CHECK_OK(gemm(size, alpha, {call[0].values<float>().data(), a[1], transA},
                             {call[1].values<float>().data(), b[1], transB}, 1,
                             result.mutableValues<float>().data(), size.n, call.ctx));
        }
        return std::vector<Tensor>{std::move(result)};
    });
}

bool allFloat32(const KernelCall &call) {
    return std::all_of(call.inputs.begin(), call.inputs.end(),
                       [](const Tensor &input) { return input.empty() || input.dtype() == DType::Float32; });
}

std::span<const FastKernelEntry> oneDnnKernels() {
    static constexpr FastKernelEntry kEntries[] = {
        {"MatMul", oneDnnMatMul},
        {"Gemm", oneDnnGemm},
        {"Conv", oneDnnConvolution},
        {"ConvTranspose", oneDnnTransposedConvolution},
    };
    return kEntries;
}

} // namespace qs
