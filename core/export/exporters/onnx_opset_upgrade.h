#pragma once

#include "core/base/result.h"

#include <cstdint>

namespace onnx {
class ModelProto;
}

namespace qs {

/// Version of the default operator set that a model imports; 0 when it imports none.
std::int64_t defaultOpset(const onnx::ModelProto &model);

/// Rewrites a model so that it means the same under a newer version of the default operator set: attributes
/// that became inputs, defaults that changed, operators that were replaced. A model at `target` or beyond is
/// left alone. Raises the IR version to what `target` needs. \param target  at most 21 \error Unsupported  an
/// operator whose changes are not known here (named, with its node); a model older than
///        version 7; local functions
/// \source ONNX operator changelog; file_formats 1.6
Status upgradeOpset(onnx::ModelProto &model, std::int64_t target);

} // namespace qs
