#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/gemm_check.h"
#include "core/exec/reference/matmul_shape.h"

namespace qs {
namespace {

using MatmulTypes = Types<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;

/// A matrix seen through strides, so that transposed operands need no copy.
template <typename T>
struct StridedMatrix {
    const T *data;
    std::int64_t rowStride, columnStride;
};

/// Row `row` of a·b into sums[0, n): k outermost, so that the loop over columns is contiguous for most
/// operands.
template <typename T>
void multiplyRow(const StridedMatrix<T> &a, const StridedMatrix<T> &b, std::int64_t row, std::int64_t k,
                 std::span<Accumulator<T>> sums) {
    std::fill(sums.begin(), sums.end(), Accumulator<T>(0));
    for (std::int64_t inner = 0; inner < k; ++inner) {
        const auto x = static_cast<Accumulator<T>>(a.data[row * a.rowStride + inner * a.columnStride]);
        const T *line = b.data + inner * b.rowStride;
        for (std::size_t column = 0; column < sums.size(); ++column)
            sums[column] = wrappingAdd(
                sums[column],
                wrappingMultiply(x, static_cast<Accumulator<T>>(
                                        line[static_cast<std::int64_t>(column) * b.columnStride])));
    }
}

/// Rows of a product that make up about a tenth of a millisecond.
std::int64_t rowGrain(std::int64_t n, std::int64_t k) {
    return std::max<std::int64_t>(1, 262144 / std::max<std::int64_t>(1, n * k));
}

template <typename T>
Outputs multiplyBatches(const KernelCall &call, const MatmulShape &plan) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), plan.result));
    const T *a = call[0].values<T>().data(), *b = call[1].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    const std::int64_t grain = rowGrain(plan.n, plan.k);
    QS_CHECK_OK(parallelFor(plan.batch * plan.m, grain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        std::vector<Accumulator<T>> sums(static_cast<std::size_t>(plan.n));
        for (std::int64_t row = begin; row < end; ++row) {
            const auto entry = static_cast<std::size_t>(row / plan.m);
            multiplyRow<T>({a + plan.aMatrix[entry] * plan.m * plan.k, plan.k, 1},
                           {b + plan.bMatrix[entry] * plan.k * plan.n, plan.n, 1}, row % plan.m, plan.k,
                           sums);
            std::transform(sums.begin(), sums.end(), dst + row * plan.n,
                           [](Accumulator<T> sum) { return static_cast<T>(sum); });
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> matmul(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        QS_TRY(const MatmulShape plan, MatmulShape::of(call[0].shape(), call[1].shape()));
        return dispatch(MatmulTypes{}, call[0].dtype(),
                        [&]<typename T>() { return multiplyBatches<T>(call, plan); });
    });
}

struct GemmForm {
    bool transA = false, transB = false;
    double alpha = 1, beta = 1;
};

/// alpha · A' · B' + beta · C; C broadcasts to [m, n].
template <typename T>
Outputs generalProduct(const KernelCall &call, const GemmForm &form) {
    const Shape &as = call[0].shape(), &bs = call[1].shape();
    const std::int64_t m = as[form.transA ? 1 : 0], k = as[form.transA ? 0 : 1], n = bs[form.transB ? 0 : 1];
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), Shape{m, n}));
    const StridedMatrix<T> a{call[0].values<T>().data(), form.transA ? 1 : k, form.transA ? m : 1};
    const StridedMatrix<T> b{call[1].values<T>().data(), form.transB ? 1 : n, form.transB ? k : 1};
    StridedMatrix<T> c{nullptr, 0, 0};
    if (call.has(2)) {
        const Shape &shape = call[2].shape();
        const std::int64_t rows = shape.rank() == 2 ? shape[0] : 1,
                           columns = shape.rank() ? shape[shape.rank() - 1] : 1;
        c = {call[2].values<T>().data(), rows == 1 ? 0 : columns, columns == 1 ? 0 : 1};
    }
    T *dst = result.mutableValues<T>().data();
    QS_CHECK_OK(parallelFor(m, rowGrain(n, k), call.ctx, [&](std::int64_t begin, std::int64_t end) {
        std::vector<Accumulator<T>> sums(static_cast<std::size_t>(n));
        for (std::int64_t row = begin; row < end; ++row) {
            multiplyRow<T>(a, b, row, k, sums);
            for (std::int64_t column = 0; column < n; ++column) {
                auto value = wrappingMultiply(static_cast<Accumulator<T>>(form.alpha),
                                              sums[static_cast<std::size_t>(column)]);
                if (c.data)
                    value = wrappingAdd(
                        value, wrappingMultiply(static_cast<Accumulator<T>>(form.beta),
                                                static_cast<Accumulator<T>>(
                                                    c.data[row * c.rowStride + column * c.columnStride])));
                dst[row * n + column] = static_cast<T>(value);
            }
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

} // namespace

Status checkGemm(const KernelCall &call, bool transA, bool transB) {
    QS_CHECK_OK(requireSameType(call, call.has(2) ? 3 : 2));
    const Shape &a = call[0].shape(), &b = call[1].shape();
    if (a.rank() != 2 || b.rank() != 2 || a[transA ? 0 : 1] != b[transB ? 1 : 0])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shapes {}{} and {}{} cannot be multiplied", a.text(),
                                transA ? " transposed" : "", b.text(), transB ? " transposed" : ""));
    if (!call.has(2))
        return {};
    const Shape result{a[transA ? 1 : 0], b[transB ? 0 : 1]};
    const auto broadcast = broadcastShapes(call[2].shape(), result);
    if (!broadcast || *broadcast != result)
        return fail(ErrorCode::InvalidArgument, fmt::format("C of shape {} does not broadcast to {}",
                                                            call[2].shape().text(), result.text()));
    return {};
}

namespace {

Result<Kernel> gemm(NodeReader &reader) {
    reader.ignore({"broadcast"}); // until opset 6 a permission, not a rule
    const GemmForm form{reader.flag("transA", false), reader.flag("transB", false),
                        reader.floatAttribute("alpha", 1), reader.floatAttribute("beta", 1)};
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(checkGemm(call, form.transA, form.transB));
        const DType type = call[0].dtype();
        if (!isFloatingPoint(type) && (form.alpha != 1 || form.beta != 1))
            return fail(ErrorCode::Unsupported, "alpha and beta with integers");
        return dispatch(MatmulTypes{}, type, [&]<typename T>() { return generalProduct<T>(call, form); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"MatMul", 1, matmul},
    {"Gemm", 1, gemm},
};

} // namespace

Outputs multiplyInt32(const KernelCall &call, const MatmulShape &plan) {
    return multiplyBatches<std::int32_t>(call, plan);
}

KernelFamily matmulKernels() {
    return kEntries;
}

} // namespace qs
