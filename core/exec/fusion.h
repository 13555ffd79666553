#pragma once

#include "core/exec/executor.h"
#include "core/exec/kernel.h"
#include "core/tensor/convert.h"

namespace qs {

/// Consecutive nodes that one kernel computes when nobody asks for the values between them.
struct FusedNodes {
    NodeId last = kNoNode; ///< its output is the kernel's
    Kernel kernel;         ///< takes the operands of the first node
};

/// The convolution `id` with the BatchNormalization and the Clip or Relu that follow it, if their parameters
/// are constant and nobody else reads what passes between them; nullopt where there is nothing to fuse.
/// \param reference  the reference kernel of the convolution
std::optional<FusedNodes> fuseConvolution(const ModelGraph &graph, NodeId id, Kernel reference);

/// The product `id` of a MatMul with a constant matrix and the bias and the GELU or SiLU that follow it, each
/// of which exporters write as some nodes; nullopt where there is nothing to fuse. \param product  the kernel
/// of the MatMul
std::optional<FusedNodes> fuseProduct(const ModelGraph &graph, NodeId id, Kernel product);

/// Applies change(tensor of float32) → Status to the result of a product. An activation of half precision
/// makes it half precision, too, whatever its constants are.
template <typename Change>
Status changeAsFloat32(Tensor &result, const Change &change) {
    const DType type = result.dtype();
    QS_TRY(result, toFloat32(result));
    QS_CHECK_OK(change(result));
    QS_TRY(result, castTensor(result, type));
    return {};
}

} // namespace qs
