#include "core/base/parallel.h"
#include "core/exec/onednn_gemm.h"
#include "core/exec/reference/matmul_shape.h"
#include "core/gradient/broadcast_sum.h"
#include "core/gradient/gradient_rule.h"

#include <numeric>

namespace qs {
namespace {

/// A product of a stack of matrices with one matrix, as linear layers have it: the stack is one tall matrix.
bool isTall(const MatmulShape &shape, const Shape &a, const Shape &b) {
    return b.rank() <= 2 && a.rank() >= 2 && shape.aMatrix.size() == static_cast<std::size_t>(shape.batch);
}

/// dst matrix `to[i]` += left · right for every batch entry i. Entries that share a destination are added in
/// order by the same task, so that the sum does not depend on the thread count.
struct BatchedProduct {
    GemmSize size;
    const float *left, *right;
    bool leftTransposed = false, rightTransposed = false;
    std::int64_t leftStride, rightStride;
    std::span<const std::int64_t> leftMatrix, rightMatrix, to;

    Status addTo(Tensor &dst, const RunContext &ctx) const {
        const std::int64_t leftSize = size.m * size.k, rightSize = size.k * size.n, area = size.m * size.n;
        std::vector<std::vector<std::size_t>> entries(
            static_cast<std::size_t>(area == 0 ? 0 : dst.numel() / area));
        for (std::size_t i = 0; i < to.size() && area > 0; ++i)
            entries[static_cast<std::size_t>(to[i])].push_back(i);
        float *values = dst.mutableValues<float>().data();
        return parallelTasks(
            static_cast<std::int64_t>(entries.size()), ctx, [&](std::int64_t task) -> Status {
                for (const std::size_t i : entries[static_cast<std::size_t>(task)]) {
                    const GemmOperand a{left + leftMatrix[i] * leftSize, leftStride, leftTransposed};
                    const GemmOperand b{right + rightMatrix[i] * rightSize, rightStride, rightTransposed};
                    QS_CHECK_OK(gemmOnThisThread(size, 1, a, b, 1, values + task * area, size.n));
                }
                return {};
            });
    }
};

Status tallProduct(const BackwardCall &call, const MatmulShape &shape, std::vector<Tensor> &gradients) {
    const float *a = call.operand(0).values<float>().data(), *b = call.operand(1).values<float>().data(),
                *g = call.gradients[0].values<float>().data();
    const std::int64_t rows = shape.batch * shape.m;
    if (call.wants(0))
        QS_CHECK_OK(gemm({rows, shape.k, shape.n}, 1, {g, shape.n}, {b, shape.n, true}, 0,
                         gradients[0].mutableValues<float>().data(), shape.k, call.forward.ctx));
    if (call.wants(1))
        QS_CHECK_OK(gemm({shape.k, shape.n, rows}, 1, {a, shape.k, true}, {g, shape.n}, 0,
                         gradients[1].mutableValues<float>().data(), shape.n, call.forward.ctx));
    return {};
}

Status batchedProduct(const BackwardCall &call, const MatmulShape &shape, std::vector<Tensor> &gradients) {
    const float *a = call.operand(0).values<float>().data(), *b = call.operand(1).values<float>().data(),
                *g = call.gradients[0].values<float>().data();
    std::vector<std::int64_t> entry(static_cast<std::size_t>(shape.batch));
    std::iota(entry.begin(), entry.end(), std::int64_t{0});
    if (call.wants(0))
        QS_CHECK_OK((BatchedProduct{{shape.m, shape.k, shape.n},
                                    g,
                                    b,
                                    false,
                                    true,
                                    shape.n,
                                    shape.n,
                                    entry,
                                    shape.bMatrix,
                                    shape.aMatrix}
                         .addTo(gradients[0], call.forward.ctx)));
    if (call.wants(1))
        QS_CHECK_OK((BatchedProduct{{shape.k, shape.n, shape.m},
                                    a,
                                    g,
                                    true,
                                    false,
                                    shape.k,
                                    shape.n,
                                    shape.aMatrix,
                                    entry,
                                    shape.bMatrix}
                         .addTo(gradients[1], call.forward.ctx)));
    return {};
}

std::vector<Tensor> zerosWhereWanted(const BackwardCall &call) {
    std::vector<Tensor> gradients(call.wanted.size());
    for (std::size_t i = 0; i < gradients.size(); ++i)
        if (call.wants(i))
            gradients[i] = Tensor::zeros(DType::Float32, call.operand(i).shape());
    return gradients;
}

Gradients matmul(const BackwardCall &call) {
    QS_TRY(const MatmulShape shape, MatmulShape::of(call.operand(0).shape(), call.operand(1).shape()));
    std::vector<Tensor> gradients = zerosWhereWanted(call);
    const bool tall = isTall(shape, call.operand(0).shape(), call.operand(1).shape());
    QS_CHECK_OK(tall ? tallProduct(call, shape, gradients) : batchedProduct(call, shape, gradients));
    return gradients;
}

/// Y = alpha · A' · B' + beta · C, where A' and B' may be transposes.
Gradients generalProduct(const BackwardCall &call) {
    NodeReader reader = call.reader();
    const bool transA = reader.flag("transA", false), transB = reader.flag("transB", false);
    const auto alpha = static_cast<float>(reader.floatAttribute("alpha", 1)),
               beta = static_cast<float>(reader.floatAttribute("beta", 1));
    const Shape &a = call.operand(0).shape(), &b = call.operand(1).shape();
    const std::int64_t m = a[transA ? 1 : 0], k = a[transA ? 0 : 1], n = b[transB ? 0 : 1];
    const GemmOperand x{call.operand(0).values<float>().data(), a[1]},
        w{call.operand(1).values<float>().data(), b[1]}, g{call.gradients[0].values<float>().data(), n};
    const auto transposed = [](GemmOperand operand, bool flip) {
        operand.transposed = flip;
        return operand;
    };
    std::vector<Tensor> gradients = zerosWhereWanted(call);
    const RunContext &ctx = call.forward.ctx;
    // dA' = alpha G B'^T, dB' = alpha A'^T G, and the transposes of these where the operand was transposed.
    if (call.wants(0)) {
        float *dst = gradients[0].mutableValues<float>().data();
        QS_CHECK_OK(transA
                        ? gemm({k, m, n}, alpha, transposed(w, transB), transposed(g, true), 0, dst, m, ctx)
                        : gemm({m, k, n}, alpha, g, transposed(w, !transB), 0, dst, k, ctx));
    }
    if (call.wants(1)) {
        float *dst = gradients[1].mutableValues<float>().data();
        QS_CHECK_OK(transB
                        ? gemm({n, k, m}, alpha, transposed(g, true), transposed(x, transA), 0, dst, k, ctx)
                        : gemm({k, n, m}, alpha, transposed(x, !transA), g, 0, dst, n, ctx));
    }
    if (call.wants(2)) {
        gradients[2] = sumToShape(call.gradients[0], call.operand(2).shape());
        if (beta != 1) {
            Tensor scaled = Tensor::allocate(DType::Float32, gradients[2].shape());
            std::ranges::transform(gradients[2].values<float>(), scaled.mutableValues<float>().begin(),
                                   [beta](float value) { return beta * value; });
            gradients[2] = std::move(scaled);
        }
    }
    return gradients;
}

constexpr GradientRuleEntry kEntries[] = {
    {"MatMul", matmul},
    {"Gemm", generalProduct},
};

} // namespace

RuleFamily productRules() {
    return kEntries;
}

} // namespace qs
