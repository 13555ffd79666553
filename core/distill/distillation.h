#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/graph/model.h"
#include "core/quant/range_rule.h"

#include <filesystem>
#include <optional>

namespace qs {

/// How calibration images are made without data.
enum class DistillMethod {
    ZeroQ,   ///< pixels learned so that every image has the batch-norm statistics of the model
    Genie,   ///< the same of a batch, by a generator, under swing convolutions
    Gaussian ///< normal noise, nothing learned: for models without batch norm
};
/// "zeroq", "genie", "gaussian"; and for people.
std::string_view distillMethodId(DistillMethod method);
std::string_view distillMethodName(DistillMethod method);
Result<DistillMethod> distillMethodFromId(std::string_view id);

struct DistillOptions {
    DistillMethod method = DistillMethod::ZeroQ;
    std::int64_t samples = 64;
    std::int64_t batchSize =
        32; ///< images learned together; a model with a fixed batch dimension keeps its own
    std::int64_t iterations = 200; ///< of every batch; the papers use 500 (ZeroQ) and 4000 (GENIE)
    std::uint64_t seed = 1;
    std::optional<ValueRange> pixels{}; ///< absent: see findImageInput()
};

/// Images that stand in for calibration data. They are not data: nobody has seen them.
struct DistilledImages {
    std::string input;  ///< of the model
    Tensor images;      ///< float32 [samples, channels, height, width], on the scale of the model's input
    int batchNorms = 0; ///< whose statistics were matched
    double firstLoss = 0, lastLoss = 0; ///< before and after, mean over batches of images
    std::vector<double> losses;         ///< by iteration, mean over batches of images
    std::string note;                   ///< how they were made, for the file
};

/// What stands in the way before any work is done, as an error of distillImages(). \thread pure, quick
Status canDistill(const Model &model, const DistillOptions &options);

/// Makes calibration images from what the batch normalizations of a model have learned of its training data.
/// The loss compares means and deviations of what enters each batch norm with its running statistics, and
/// those of the normalised image with 0 and 1. Pixels are held in their range (findImageInput()).
/// \error InvalidArgument  no samples or iterations
/// \error Unsupported  no image input; no batch norm with statistics (unless Gaussian); an operator in front
///                     of the last batch norm that cannot run or has no gradient.  Cancelled
/// \thread the result does not depend on the thread count
/// \source Cai et al. 2020, arXiv:2001.00281; Jeon et al. 2023, arXiv:2212.04780; methods A, A32 and A34
Result<DistilledImages> distillImages(const std::shared_ptr<const Model> &model,
                                      const DistillOptions &options, FindingList &findings,
                                      const RunContext &ctx);

/// Writes the images as a calibration file that says what they are.
Status writeDistilled(const DistilledImages &images, const std::filesystem::path &file);

} // namespace qs
