#pragma once

#include "core/gradient/tape.h"

namespace qs {

/// Moves images by (dy, dx) pixels, -1 to 1 each; what comes in at the border is a reflection. The same as a
/// reflecting border of one pixel from which a window of the old size is cut.
/// \param images  float32 [images, channels, height, width]; axes of size 1 do not move
Tensor shiftImages(const Tensor &images, int dy, int dx);
/// The transpose of that, for gradients.
Tensor shiftImagesBack(const Tensor &gradient, int dy, int dx);

/// Swing convolution: the input of every convolution with a stride is shifted at random, so that images are
/// not fitted to the pixels alone that the stride happens to read.
/// \source Jeon et al. 2023, arXiv:2212.04780 (GENIE); methods A, A34
/// \param range  nodes whose convolutions swing
std::map<InputSlot, SlotFunction> swingConvolutions(const ModelGraph &graph, NodeRange range,
                                                    std::uint64_t seed);

} // namespace qs
