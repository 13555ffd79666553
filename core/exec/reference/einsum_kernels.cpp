#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/einsum_equation.h"
#include "core/exec/reference/families.h"

#include <cmath>

namespace qs {
namespace {

/// A few thin operands can span a space that no machine walks through.
constexpr std::int64_t kMostProducts = std::int64_t{1} << 40;

/// Walks all index combinations of some labels, the last fastest, and keeps the offset of every operand.
class LabelWalk {
public:
    LabelWalk(std::span<const std::int64_t> sizes, const std::vector<std::vector<std::int64_t>> &strides,
              std::size_t firstLabel)
        : m_sizes(sizes), m_strides(strides), m_first(firstLabel), m_index(sizes.size(), 0) {}

    void moveTo(std::int64_t position, std::span<std::int64_t> offsets) {
        for (std::size_t axis = m_sizes.size(); axis-- > 0; position /= m_sizes[axis]) {
            m_index[axis] = position % m_sizes[axis];
            for (std::size_t k = 0; k < offsets.size(); ++k)
                offsets[k] += m_index[axis] * m_strides[k][m_first + axis];
        }
    }
    void next(std::span<std::int64_t> offsets) {
        for (std::size_t axis = m_sizes.size(); axis-- > 0;) {
            const bool wraps = ++m_index[axis] == m_sizes[axis];
            const std::int64_t move = wraps ? 1 - m_sizes[axis] : 1;
            for (std::size_t k = 0; k < offsets.size(); ++k)
                offsets[k] += move * m_strides[k][m_first + axis];
            if (!wraps)
                return;
            m_index[axis] = 0;
        }
    }

private:
    std::span<const std::int64_t> m_sizes;
    const std::vector<std::vector<std::int64_t>> &m_strides;
    std::size_t m_first;
    std::vector<std::int64_t> m_index;
};

/// Elements of the operands along the innermost summed label.
template <typename T>
struct TermLine {
    std::vector<const T *> operands;
    std::vector<std::int64_t> steps; ///< of each operand from one term to the next
    std::int64_t terms = 1;

    Accumulator<T> sum(std::span<const std::int64_t> offsets) const {
        Accumulator<T> sum(0);
        if (operands.size() == 2) { // the common case: products of matrices
            const T *a = operands[0] + offsets[0], *b = operands[1] + offsets[1];
            for (std::int64_t i = 0; i < terms; ++i)
                sum = wrappingAdd(sum, wrappingMultiply(static_cast<Accumulator<T>>(a[i * steps[0]]),
                                                        static_cast<Accumulator<T>>(b[i * steps[1]])));
            return sum;
        }
        for (std::int64_t i = 0; i < terms; ++i) {
            Accumulator<T> product(1);
            for (std::size_t k = 0; k < operands.size(); ++k)
                product = wrappingMultiply(
                    product, static_cast<Accumulator<T>>(operands[k][offsets[k] + i * steps[k]]));
            sum = wrappingAdd(sum, product);
        }
        return sum;
    }
};

template <typename T>
TermLine<T> innermostLine(const KernelCall &call, const EinsumEquation::Plan &plan) {
    TermLine<T> line;
    for (std::size_t k = 0; k < call.inputs.size(); ++k) {
        line.operands.push_back(call[k].values<T>().data());
        line.steps.push_back(plan.summed.empty() ? 0 : plan.strides[k].back());
    }
    line.terms = plan.summed.empty() ? 1 : plan.summed.back();
    return line;
}

/// \param terms  products that make up one element of the result
template <typename T>
Outputs sumProducts(const KernelCall &call, const EinsumEquation::Plan &plan, std::int64_t terms) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), plan.result));
    if (result.numel() > 0 && terms > kMostProducts / result.numel())
        return fail(ErrorCode::Unsupported,
                    fmt::format("{} sums of {} products each", result.numel(), terms));
    const TermLine<T> line = innermostLine<T>(call, plan);
    const std::int64_t lines = line.terms == 0 ? 0 : terms / line.terms;
    const std::span<const std::int64_t> outerSums =
        std::span(plan.summed).first(plan.summed.empty() ? 0 : plan.summed.size() - 1);
    T *dst = result.mutableValues<T>().data();
    const std::size_t labels = static_cast<std::size_t>(plan.result.rank());
    const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, terms));
    const auto sumElements = [&](std::int64_t begin, std::int64_t end) {
        LabelWalk outer(plan.result.dims(), plan.strides, 0);
        LabelWalk inner(outerSums, plan.strides, labels); // is back at its start after every element
        std::vector<std::int64_t> offsets(line.operands.size(), 0);
        outer.moveTo(begin, offsets);
        for (std::int64_t at = begin; at < end; ++at) {
            Accumulator<T> sum(0);
            for (std::int64_t i = 0; i < lines && !call.ctx.cancelled(); ++i) {
                sum = wrappingAdd(sum, line.sum(offsets));
                inner.next(offsets);
            }
            dst[at] = static_cast<T>(sum);
            outer.next(offsets);
        }
    };
    QS_CHECK_OK(parallelFor(result.numel(), grain, call.ctx, sumElements));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> einsum(NodeReader &reader) {
    QS_TRY(const EinsumEquation equation, EinsumEquation::parse(reader.stringAttribute("equation", "")));
    return widenHalfTypes([equation](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, std::max<std::size_t>(1, call.inputs.size())));
        std::vector<const Shape *> shapes;
        for (const Tensor &input : call.inputs)
            shapes.push_back(&input.shape());
        QS_TRY(const EinsumEquation::Plan plan, equation.plan(shapes));
        QS_TRY(const std::int64_t terms, Shape(plan.summed).checkedNumel());
        return dispatch(NumberTypes{}, call[0].dtype(),
                        [&]<typename T>() { return sumProducts<T>(call, plan, terms); });
    });
}

/// The determinant of a matrix of doubles, which is overwritten: elimination with the largest pivot first.
double determinant(std::span<double> matrix, std::size_t n, const RunContext &ctx) {
    double product = 1;
    for (std::size_t column = 0; column < n && !ctx.cancelled(); ++column) {
        std::size_t pivot = column;
        for (std::size_t row = column + 1; row < n; ++row)
            if (std::fabs(matrix[row * n + column]) > std::fabs(matrix[pivot * n + column]))
                pivot = row;
        if (pivot != column) {
            std::swap_ranges(matrix.begin() + static_cast<std::ptrdiff_t>(pivot * n),
                             matrix.begin() + static_cast<std::ptrdiff_t>((pivot + 1) * n),
                             matrix.begin() + static_cast<std::ptrdiff_t>(column * n));
            product = -product;
        }
        const double top = matrix[column * n + column];
        product *= top;
        if (top == 0)
            return 0;
        for (std::size_t row = column + 1; row < n; ++row) {
            const double factor = matrix[row * n + column] / top;
            for (std::size_t i = column; i < n; ++i)
                matrix[row * n + i] -= factor * matrix[column * n + i];
        }
    }
    return product;
}

/// Determinants of matrices [..., n, n].
template <typename T>
Outputs determinants(const KernelCall &call) {
    const Shape &shape = call[0].shape();
    const std::int64_t n = shape[shape.rank() - 1];
    QS_TRY(Tensor result,
           call.allocate(dtypeOf<T>(), Shape(std::vector<std::int64_t>(shape.begin(), shape.end() - 2))));
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    QS_CHECK_OK(parallelFor(result.numel(), 1, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
            std::vector<double> matrix(src + at * n * n, src + (at + 1) * n * n);
            dst[at] = static_cast<T>(determinant(matrix, static_cast<std::size_t>(n), call.ctx));
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> det(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &shape = call[0].shape();
        if (shape.rank() < 2 || shape[shape.rank() - 1] != shape[shape.rank() - 2])
            return fail(ErrorCode::InvalidArgument, fmt::format("{} are no square matrices", shape.text()));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() { return determinants<T>(call); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Einsum", 12, einsum},
    {"Det", 11, det},
};

} // namespace

KernelFamily einsumKernels() {
    return kEntries;
}

} // namespace qs
