#pragma once

#include "core/exec/convolution_tail.h"
#include "core/exec/kernel.h"

namespace qs {

/// Makes the fast kernel of a node. The reference kernel takes over in calls that the fast one does not
/// handle (element types other than float32); operands must be checked as the reference kernel does.
using FastKernelFactory = Result<Kernel> (*)(NodeReader &, Kernel reference);

struct FastKernelEntry {
    const char *opType;
    FastKernelFactory create;
};

/// Operators that oneDNN's matrix product makes faster: MatMul, Gemm, Conv, ConvTranspose.
std::span<const FastKernelEntry> oneDnnKernels();

Result<Kernel> oneDnnMatMul(NodeReader &reader, Kernel reference);
Result<Kernel> oneDnnGemm(NodeReader &reader, Kernel reference);
Result<Kernel> oneDnnConvolution(NodeReader &reader, Kernel reference);
Result<Kernel> oneDnnTransposedConvolution(NodeReader &reader, Kernel reference);
/// The convolution of a node and what follows it. \param reference  the kernel of the convolution alone
Result<Kernel> convolutionWithTail(NodeReader &reader, Kernel reference, ConvolutionTail tail);

/// Whether all given operands are float32.
bool allFloat32(const KernelCall &call);

} // namespace qs
