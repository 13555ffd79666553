#pragma once

#include "core/exec/reference/resize_plan.h"

namespace qs {

/// The source elements whose weighted sum is one result of an axis.
struct ResizeTaps {
    struct Tap {
        std::int64_t index;
        double weight;
    };
    std::vector<Tap> taps; ///< of all results, one after the other
    std::vector<std::size_t>
        first; ///< of every result, and the end: dst + 1 entries; none = outside of the source
};

/// Linear or cubic weights of every result of an axis.
/// \source the ONNX specification of Resize 19; Keys 1981 for the cubic kernel
ResizeTaps resizeTaps(const ResizeAxis &axis, const ResizeForm &form);

/// The source element that every result of an axis copies, or -1 where it lies outside of the source and
/// takes the extrapolation value.
std::vector<std::int64_t> nearestElements(const ResizeAxis &axis, const ResizeForm &form);

} // namespace qs
