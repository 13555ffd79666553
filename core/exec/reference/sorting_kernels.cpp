#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include "core/base/parallel.h"

#include <numeric>

namespace qs {
namespace {

/// -1, 0 or 1; NaN is greater than every number and equal to itself, so that sorting is defined.
template <typename T>
int compareValues(T a, T b) {
    if constexpr (std::floating_point<T>)
        if (a != a || b != b)
            return (a != a) - (b != b);
    return (a > b) - (a < b);
}

/// What TopK of all lines around an axis shares.
struct TopKPlan {
    AxisView view;
    std::int64_t k = 0;
    bool largest = true;
};

/// The k first of one line in sorted order; of equal elements the one with the lower index comes first.
template <typename T>
void sortLine(const TopKPlan &plan, const T *src, std::vector<std::int64_t> &order) {
    std::iota(order.begin(), order.end(), 0);
    const std::int64_t stride = plan.view.inner;
    std::partial_sort(order.begin(), order.begin() + plan.k, order.end(),
                      [&](std::int64_t a, std::int64_t b) {
                          const int sign = compareValues(src[a * stride], src[b * stride]);
                          return sign == 0 ? a < b : (sign > 0) == plan.largest;
                      });
}

template <typename T>
Outputs selectTop(const KernelCall &call, const TopKPlan &plan, const Shape &shape) {
    QS_TRY(Tensor values, call.allocate(dtypeOf<T>(), shape));
    QS_TRY(Tensor indices, call.allocate(DType::Int64, shape));
    const AxisView &view = plan.view;
    const T *src = call[0].values<T>().data();
    T *value = values.mutableValues<T>().data();
    std::int64_t *index = indices.mutableValues<std::int64_t>().data();
    const std::int64_t lines = plan.k == 0 ? 0 : view.outer * view.inner;
    QS_CHECK_OK(parallelFor(lines, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, view.length)),
                            call.ctx, [&](std::int64_t begin, std::int64_t end) {
                                std::vector<std::int64_t> order(static_cast<std::size_t>(view.length));
                                for (std::int64_t line = begin; line < end; ++line) {
                                    const std::int64_t outer = line / view.inner, inner = line % view.inner;
                                    const T *start = src + outer * view.length * view.inner + inner;
                                    sortLine(plan, start, order);
                                    for (std::int64_t i = 0; i < plan.k; ++i) {
                                        const std::int64_t at = (outer * plan.k + i) * view.inner + inner;
                                        index[at] = order[static_cast<std::size_t>(i)];
                                        value[at] = start[index[at] * view.inner];
                                    }
                                }
                            }));
    return std::vector<Tensor>{std::move(values), std::move(indices)};
}

/// k is an attribute until opset 9. `sorted=0` allows any order, also the sorted one.
Result<Kernel> topK(NodeReader &reader) {
    const std::int64_t axisGiven = reader.intAttribute("axis", -1);
    const bool largest = reader.flag("largest", true), byAttribute = reader.opset() < 10;
    const std::int64_t given = byAttribute ? reader.intAttribute("k", -1) : 0;
    reader.ignore({"sorted"});
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, byAttribute ? 1 : 2));
        std::vector<std::int64_t> k{given};
        if (!byAttribute) {
            QS_TRY(k, integerOperand(call, 1));
        }
        Shape shape = call[0].shape();
        QS_TRY(const int axis, normalizeAxis(axisGiven, shape.rank()));
        if (k.size() != 1 || k[0] < 0 || k[0] > shape[axis])
            return fail(ErrorCode::InvalidArgument, fmt::format("the {} greatest or smallest of {} elements",
                                                                fmt::join(k, ", "), shape[axis]));
        const TopKPlan plan{AxisView::of(shape, axis), k[0], largest};
        shape[axis] = k[0];
        return dispatch(NumberTypes{}, call[0].dtype(),
                        [&]<typename T>() { return selectTop<T>(call, plan, shape); });
    });
}

/// Equal slices along an axis: the first of each, in output order, and where every slice went.
struct SliceGroups {
    std::vector<std::int64_t> first, group, count;
};

/// \param order  slices sorted, equal ones by index
template <typename Equal>
SliceGroups groupSlices(const std::vector<std::int64_t> &order, bool sorted, const Equal &equal) {
    std::vector<std::int64_t> first, groupOf(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        if (i == 0 || !equal(order[i - 1], order[i]))
            first.push_back(order[i]);
        groupOf[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(first.size()) - 1;
    }
    std::vector<std::int64_t> place(first.size()), rank(first.size());
    std::iota(place.begin(), place.end(), 0);
    if (!sorted) // in the order of first appearance
        std::sort(place.begin(), place.end(), [&](std::int64_t a, std::int64_t b) {
            return first[static_cast<std::size_t>(a)] < first[static_cast<std::size_t>(b)];
        });
    SliceGroups groups{std::vector<std::int64_t>(first.size()), std::vector<std::int64_t>(order.size()),
                       std::vector<std::int64_t>(first.size(), 0)};
    for (std::size_t i = 0; i < place.size(); ++i) {
        groups.first[i] = first[static_cast<std::size_t>(place[i])];
        rank[static_cast<std::size_t>(place[i])] = static_cast<std::int64_t>(i);
    }
    for (std::size_t i = 0; i < groupOf.size(); ++i) {
        groups.group[i] = rank[static_cast<std::size_t>(groupOf[i])];
        ++groups.count[static_cast<std::size_t>(groups.group[i])];
    }
    return groups;
}

template <typename T>
SliceGroups uniqueSlices(const Tensor &src, const AxisView &view, bool sorted) {
    const T *values = reinterpret_cast<const T *>(src.bytes());
    const auto compare = [&](std::int64_t a, std::int64_t b) {
        for (std::int64_t outer = 0; outer < view.outer; ++outer)
            for (std::int64_t inner = 0; inner < view.inner; ++inner) {
                const T *start = values + outer * view.length * view.inner + inner;
                if (const int sign = compareValues(start[a * view.inner], start[b * view.inner]))
                    return sign;
            }
        return 0;
    };
    std::vector<std::int64_t> order(static_cast<std::size_t>(view.length));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        const int sign = compare(a, b);
        return sign == 0 ? a < b : sign < 0;
    });
    return groupSlices(order, sorted, [&](std::int64_t a, std::int64_t b) { return compare(a, b) == 0; });
}

Tensor indexList(const std::vector<std::int64_t> &values) {
    return Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

Result<Kernel> unique(NodeReader &reader) {
    std::optional<std::int64_t> axisGiven;
    if (reader.hasAttribute("axis"))
        axisGiven = reader.intAttribute("axis", 0);
    return widenHalfTypes([axisGiven, sorted = reader.flag("sorted", true)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Tensor src = axisGiven ? call[0] : call[0].reshaped(Shape{call[0].numel()});
        QS_TRY(const int axis, normalizeAxis(axisGiven.value_or(0), src.shape().rank()));
        if (src.numel() == 0 && src.shape()[axis] > 0)
            return fail(ErrorCode::InvalidArgument, "slices without elements cannot be told apart");
        return dispatch(NumberAndBoolTypes{}, src.dtype(), [&]<typename T>() -> Outputs {
            const SliceGroups groups = uniqueSlices<T>(src, AxisView::of(src.shape(), axis), sorted);
            QS_TRY(Tensor values, copySlices(call, src, axis, groups.first));
            return std::vector<Tensor>{std::move(values), indexList(groups.first), indexList(groups.group),
                                       indexList(groups.count)};
        });
    });
}

constexpr KernelEntry kEntries[] = {
    {"TopK", 1, topK},
    {"Unique", 11, unique},
};

} // namespace

KernelFamily sortingKernels() {
    return kEntries;
}

} // namespace qs
