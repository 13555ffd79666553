#pragma once

#include "core/transform/site_finder.h"

namespace qs {

/// Changes what enters a site as `change` says, the layers that read it, and what makes it; an operator of
/// its own where nothing can take the change. Float sums are rounded once, from float64. \error Unsupported
/// a matrix that cannot be inverted; a shift in front of a convolution that pads
Status applyChange(const Site &site, const SiteChange &change, ModelEditor &editor);

/// The bound of a ReLU6 between a site and its source after the site was divided by `scale` [channels]:
/// min(max(x, 0), 6) / s = min(max(x / s, 0), 6 / s). Once, after all changes.
void moveClip(const Site &site, const std::vector<double> &scale, ModelEditor &editor);

/// What a site looks like to a method, as the editor has it now; statistics by the caller.
Result<TransformSite> describeSite(const Site &site, const ModelEditor &editor);

} // namespace qs
