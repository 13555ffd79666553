#pragma once

#include "core/io/mapped_tensor.h"

namespace qs {

/// Whether the groups below the root of an HDF5 file are those of Keras: "model_weights", or "layers" (Keras
/// 3).
enum class KerasLayout { None, Keras2, Keras3 };

/// The name of a Keras weight without what Keras adds: "dense/dense/kernel:0" → "dense/dense/kernel".
std::string kerasName(const std::string &path);

/// A Keras weight as methods see it: Dense kernels [in, out] become [out, in], convolution kernels [h, w, in,
/// out] become [out, in, h, w], depthwise ones [h, w, channels, times] become [channels · times, 1, h, w].
/// Everything else, embeddings too, stays as it is. \param name  as kerasName() gives it; Keras 3 numbers
/// weights, so layers tell by the names of their groups
Tensor toOutputsFirst(KerasLayout layout, const std::string &name, const Tensor &stored);

} // namespace qs
