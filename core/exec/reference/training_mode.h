#pragma once

namespace qs {

/// Why a node that only makes sense in training is refused.
inline constexpr const char *kTrainingText = "it is in training mode; export the model for inference "
                                             "(torch: model.eval() and training=TrainingMode.EVAL)";

} // namespace qs
