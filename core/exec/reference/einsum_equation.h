#pragma once

#include "core/tensor/shape.h"

#include <span>

namespace qs {

/// The equation of an Einsum: "bij,bjk->bik". The axes of an ellipsis are labels below 0, -1 the last one.
class EinsumEquation {
public:
    /// \error Unsupported  not an equation; says where
    static Result<EinsumEquation> parse(const std::string &text);

    /// The loops that compute an equation for operands of given shapes.
    struct Plan {
        Shape result;
        std::vector<std::int64_t> summed; ///< sizes of the labels that the result does not have
        /// Elements of an operand between neighbours along every label: those of the result, then summed
        /// ones.
        std::vector<std::vector<std::int64_t>> strides;
    };
    /// \error InvalidArgument  a number or shapes of operands that do not fit the equation
    Result<Plan> plan(std::span<const Shape *const> operands) const;

private:
    using Labels = std::vector<int>; ///< characters; kEllipsis stands for any number of axes

    std::vector<Labels> m_operands;
    Labels m_result;
    std::string m_text;
};

} // namespace qs
