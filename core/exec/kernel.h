#pragma once

#include "core/base/run_context.h"
#include "core/exec/buffer_pool.h"
#include "core/exec/node_reader.h"

#include <functional>
#include <span>

namespace qs {

/// One application of a kernel: its operands and what it may use.
struct KernelCall {
    std::span<Tensor> inputs; ///< one per node input; empty tensors where optional inputs are omitted
    const RunContext &ctx;
    BufferPool &pool;
    std::size_t limitBytes = 0; ///< largest tensor that may be made; 0 = the memory of this machine

    const Tensor &operator[](std::size_t index) const;
    bool has(std::size_t index) const { return index < inputs.size() && !inputs[index].empty(); }
    Result<Tensor> allocate(DType type, Shape shape) const {
        return pool.allocate(type, std::move(shape), limitBytes);
    }
    /// A tensor to write into, of the shape and type of an input; the input's own bytes if nobody else needs
    /// them. Only for kernels that read element i before they write element i, and no other afterwards.
    Result<Tensor> allocateOver(std::size_t index) const;
};

using Outputs = Result<std::vector<Tensor>>;

/// Computes the outputs of one node: at least as many tensors as the node has outputs, empty ones where an
/// output is not used. Checks its operands; never trusts shapes or values. \thread safe: one kernel serves
/// passes on several threads
using Kernel = std::function<Outputs(KernelCall &)>;

/// Runs a kernel. Kernels keep lists in standard containers; a model that makes them large must not end the
/// program. \error OutOfMemory  also where such a list did not fit
Outputs applyKernel(const Kernel &kernel, KernelCall &call);

/// Makes the kernel of a node. \error Unsupported  with the reason: this form of the operator is not
/// implemented
using KernelFactory = Result<Kernel> (*)(NodeReader &);

/// One line of a backend's list: which operator, from which opset version on.
struct KernelEntry {
    const char *opType;
    std::int64_t sinceVersion;
    KernelFactory create;
    const char *domain = "";
};

inline const Tensor &KernelCall::operator[](std::size_t index) const {
    static const Tensor kOmitted;
    return index < inputs.size() ? inputs[index] : kOmitted;
}

inline Result<Tensor> KernelCall::allocateOver(std::size_t index) const {
    if (BufferPool::isSoleOwner(inputs[index]))
        return std::move(inputs[index]);
    return allocate(inputs[index].dtype(), inputs[index].shape());
}

} // namespace qs
