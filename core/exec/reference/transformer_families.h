#pragma once

#include "core/exec/reference/families.h"

namespace qs {

// Operators of transformers, most of them fused ones of ONNX Runtime (com.microsoft).

KernelFamily rmsNormalizationKernels();  ///< RMSNormalization, SimplifiedLayerNormalization
KernelFamily skipNormalizationKernels(); ///< SkipLayerNormalization, EmbedLayerNormalization, …
KernelFamily gateKernels();              ///< Mish, Swish, FastGelu, BiasGelu, …
KernelFamily rotaryKernels();            ///< RotaryEmbedding, in either domain
KernelFamily attentionKernels();         ///< Attention of ONNX
KernelFamily contribAttentionKernels();  ///< MultiHeadAttention, GroupQueryAttention, Attention
KernelFamily contribMatmulKernels();     ///< FusedMatMul, MatMulNBits

} // namespace qs
