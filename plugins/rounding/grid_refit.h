#pragma once

#include "plugins/rounding/layer_grids.h"

namespace qs {

/// Scales and real zero points that make d H dᵀ of every row smallest for the codes as they are: a weighted
/// linear regression of each row on its codes and on ones, over all groups of the row at once. A row whose
/// solution has a scale that is not positive keeps its grids.
///
/// \param weights    float32 [rows, cols]
/// \param hessian    float64 [cols, cols], symmetric
/// \param withZeros  false: zero points stay, only scales are solved for
/// \return grids; scales rounded to float16 when the scheme says so
/// \error Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source methods A4, step 3c
Result<LayerGrids> refitGrids(MatrixView<const float> weights, const LayerCodes &layer,
                              MatrixView<const double> hessian, bool withZeros,
                              const SolverServices &services);

/// Scales that make Σ (w − q)² of every slice smallest for the codes as they are: the old scale times
/// ⟨w, q⟩ / ⟨q, q⟩. A slice where that is not positive keeps its scale.
///
/// \return grids; scales rounded to float16 when the scheme says so
/// \error Cancelled
/// \source methods A33: the self-scale without its bias term
Result<LayerGrids> fitScalesToWeights(MatrixView<const float> weights, const LayerCodes &layer,
                                      const SolverServices &services);

/// A scale as it can be stored: float16 if asked for, positive, finite.
float storableScale(double scale, bool asFloat16);
/// A real zero point, stored like the scale beside it; infinite if beyond float16.
float storableZero(double zero, bool asFloat16);

} // namespace qs
