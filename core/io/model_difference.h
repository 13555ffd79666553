#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/graph/model.h"

namespace qs {

/// Two checkpoints of one network: files or folders of any format that opens.
struct CheckpointPair {
    std::filesystem::path base, tuned;
};

/// A model of weights without a graph whose weights are tuned − base, in float32: a layer for every matrix
/// and kernel that both have, subtracted when somebody looks (\see weightDifference), and the other tensors.
/// Names agree when they are equal, or when one ends in the other and no second one does (\see nameParts).
/// \param file      what the model goes by; its content names it in provenance
/// \param findings  receives names that only one has, and shapes that differ
/// \error InvalidArgument  nothing has the same name and shape in both;  what opening a checkpoint reports
Result<Model> differenceModel(const std::filesystem::path &file, const CheckpointPair &pair,
                              FindingList &findings, const RunContext &ctx);

/// A small file that names two checkpoints with their hashes, and opens as their difference. Paths are stored
/// relative to its folder when both lie in or below it, else absolute.
/// \error NotFound, IoError
Status writeDifferenceFile(const std::filesystem::path &file, const CheckpointPair &pair,
                           const RunContext &ctx);
/// The checkpoints that such a file names. \param findings  receives hashes that are no longer right
Result<CheckpointPair> readDifferenceFile(const std::filesystem::path &file, FindingList &findings,
                                          const RunContext &ctx);
/// Whether the text is the beginning of such a file.
bool looksLikeDifference(std::string_view head);

inline constexpr const char *kDifferenceSuffix = ".qsdiff";

} // namespace qs
