#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// Where every element comes from that an operator only moves (Transpose, Slice, Gather, …). Found by running
/// the operator's own kernel on element numbers, so it cannot disagree with the forward pass. Kept while
/// shapes and index operands stay the same. \thread one user at a time
class IndexMap {
public:
    /// \param dataOperands  the operands whose elements are moved; they are numbered through in this order
    /// \error what the kernel reports; Unsupported for 2^31 elements and more
    Status update(const Kernel &kernel, const KernelCall &call, std::span<const std::size_t> dataOperands);

    /// Per result: for every element the number of the element it is, or -1 for a constant.
    const std::vector<Tensor> &sources() const { return m_sources; }
    /// Number of the first element of the k-th data operand.
    std::int64_t first(std::size_t k) const { return m_first[k]; }
    std::int64_t elements() const { return m_first.back(); }

private:
    bool isFor(const KernelCall &call, const std::vector<bool> &isData) const;

    std::vector<Tensor> m_sources; ///< int32
    std::vector<std::int64_t> m_first;
    std::vector<Shape> m_shapes;
    std::vector<Tensor> m_sides; ///< operands that are not moved, as they were
};

} // namespace qs
