#include "core/exec/reference/einsum_equation.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

namespace qs {
namespace {

constexpr int kEllipsis = 0;

bool isLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

tl::unexpected<Error> malformed(const std::string &text, const char *what) {
    return fail(ErrorCode::Unsupported, fmt::format("equation '{}': {}", text, what));
}

/// Labels of one term without spaces.
Result<std::vector<int>> parseTerm(std::string_view term, const std::string &text) {
    std::vector<int> labels;
    for (std::size_t i = 0; i < term.size(); ++i) {
        if (isLetter(term[i])) {
            labels.push_back(term[i]);
        } else if (term.substr(i, 3) == "..." && std::ranges::count(labels, kEllipsis) == 0) {
            labels.push_back(kEllipsis);
            i += 2;
        } else
            return malformed(text, "letters, one ellipsis a term, ',' and '->' are understood");
    }
    return labels;
}

/// Without "->": the axes of the ellipsis, then all letters that occur once, in the order of their codes.
std::vector<int> implicitResult(const std::vector<std::vector<int>> &operands) {
    std::map<int, int> occurrences;
    for (const auto &labels : operands)
        for (const int label : labels)
            ++occurrences[label];
    std::vector<int> result;
    for (const auto &[label, count] : occurrences)
        if (label == kEllipsis || count == 1)
            result.push_back(label);
    return result;
}

/// The labels of an operand of a given rank, ellipsis spread out.
std::vector<int> spread(const std::vector<int> &labels, int rank) {
    std::vector<int> result;
    const int hidden = rank - static_cast<int>(labels.size()) + 1;
    for (const int label : labels)
        if (label != kEllipsis)
            result.push_back(label);
        else
            for (int i = hidden; i > 0; --i)
                result.push_back(-i);
    return result;
}

} // namespace

Result<EinsumEquation> EinsumEquation::parse(const std::string &text) {
    EinsumEquation equation;
    equation.m_text = text;
    std::string compact;
    std::ranges::copy_if(text, std::back_inserter(compact), [](char c) { return c != ' '; });
    const std::size_t arrow = compact.find("->");
    std::string_view terms = std::string_view(compact).substr(0, arrow);
    for (;;) {
        const std::size_t comma = terms.find(',');
        QS_TRY(Labels labels, parseTerm(terms.substr(0, comma), text));
        equation.m_operands.push_back(std::move(labels));
        if (comma == std::string_view::npos)
            break;
        terms.remove_prefix(comma + 1);
    }
    if (arrow == std::string::npos) {
        equation.m_result = implicitResult(equation.m_operands);
        return equation;
    }
    QS_TRY(equation.m_result, parseTerm(std::string_view(compact).substr(arrow + 2), text));
    std::set<int> known{kEllipsis}, seen;
    for (const Labels &labels : equation.m_operands)
        known.insert(labels.begin(), labels.end());
    for (const int label : equation.m_result)
        if (!known.contains(label) || !seen.insert(label).second)
            return malformed(text, "every label of the result must be one of the operands', once");
    return equation;
}

namespace {

using Labels = std::vector<int>;

/// Sizes of labels; axes of size 1 fit every size. \return false  two axes of one label differ
bool collectSizes(const Labels &labels, const Shape &shape, std::map<int, std::int64_t> &sizes) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const std::int64_t dim = shape[axis];
        const auto [entry, isNew] = sizes.emplace(labels[static_cast<std::size_t>(axis)], dim);
        if (!isNew && entry->second != dim && entry->second != 1 && dim != 1)
            return false;
        if (dim != 1)
            entry->second = dim;
    }
    return true;
}

/// Elements between neighbours along every label of `order`; a label twice walks the diagonal.
std::vector<std::int64_t> stridesOf(const Labels &labels, const Shape &shape, const Labels &order) {
    const std::vector<std::int64_t> own = shape.strides();
    std::vector<std::int64_t> strides(order.size(), 0);
    for (std::size_t axis = 0; axis < own.size(); ++axis)
        if (shape[static_cast<int>(axis)] != 1) {
            const auto place = std::ranges::find(order, labels[axis]) - order.begin();
            strides[static_cast<std::size_t>(place)] += own[axis];
        }
    return strides;
}

} // namespace

Result<EinsumEquation::Plan> EinsumEquation::plan(std::span<const Shape *const> operands) const {
    if (operands.size() != m_operands.size())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} operands for the equation '{}'", operands.size(), m_text));
    std::map<int, std::int64_t> sizes;
    std::vector<Labels> axes;
    int hidden = 0; // axes of the longest ellipsis
    for (std::size_t k = 0; k < operands.size(); ++k) {
        const int rank = operands[k]->rank(), named = static_cast<int>(m_operands[k].size());
        const bool open = std::ranges::count(m_operands[k], kEllipsis) > 0;
        axes.push_back(spread(m_operands[k], rank));
        if ((open ? rank < named - 1 : rank != named) || !collectSizes(axes[k], *operands[k], sizes))
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("operand {} of shape {} for the equation '{}'", k, operands[k]->text(), m_text));
        hidden = std::max(hidden, open ? rank - named + 1 : 0);
    }
    Plan plan;
    const bool openResult = std::ranges::count(m_result, kEllipsis) > 0;
    Labels order = openResult ? spread(m_result, static_cast<int>(m_result.size()) - 1 + hidden) : m_result;
    std::vector<std::int64_t> dims;
    for (const int label : order)
        dims.push_back(sizes.at(label));
    plan.result = Shape(std::move(dims));
    for (const auto &[label, size] : sizes)
        if (std::ranges::count(order, label) == 0) {
            order.push_back(label);
            plan.summed.push_back(size);
        }
    for (std::size_t k = 0; k < operands.size(); ++k)
        plan.strides.push_back(stridesOf(axes[k], *operands[k], order));
    return plan;
}

} // namespace qs
