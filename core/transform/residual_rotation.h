#pragma once

#include "core/transform/site_finder.h"

namespace qs {

/// The residual stream of a pre-norm transformer: who writes to it, who reads it through a norm.
struct ResidualStream {
    std::int64_t width = 0;
    std::vector<LayerId> embeddings; ///< tables whose rows start it
    std::vector<LayerId> writers;    ///< layers whose output is added to it
    std::vector<Site> readers;       ///< sites behind its norms
};

/// \error Unsupported  says what does not fit: the norm subtracts a mean, something else reads the stream, no
/// embedding starts it
Result<ResidualStream> findResidualStream(const Model &model);

/// Folds the gains of the norms into the layers behind them, then writes and reads the stream in the basis
/// x' = x R. \param rotation  orthogonal, float64 [width, width]
/// \source QuaRot, arXiv:2404.00456; methods A, A11
Status rotateResidualStream(const ResidualStream &stream, const Tensor &rotation, ModelEditor &editor);

} // namespace qs
