#pragma once

#include "core/io/sample_models.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

namespace qs {

/// Which weights share a scale in a job of a sweep.
struct SliceChoice {
    Granularity granularity = Granularity::PerChannel;
    std::int64_t groupSize = 0; ///< columns; PerGroup only

    bool operator==(const SliceChoice &) const = default;
};
std::string sliceText(const SliceChoice &slices); ///< "tensor", "channel", "groups of 64"

/// What a sweep tries: every method with every bit-width, on every model. Each list but `models` needs at
/// least one entry.
struct SweepPlan {
    std::vector<ModelFiles> models;
    std::vector<std::string> methods;   ///< as chainRecipe() reads them
    std::vector<int> bits{4};           ///< of a weight
    std::vector<int> activationBits{0}; ///< 0 = activations stay in float
    ActivationScale activationScale = ActivationScale::Static;
    std::vector<SliceChoice> slices{{}};
    GridConvention convention = GridConvention::Asymmetric;
    RangeRule rangeRule; ///< of weights
    std::uint64_t seed = 0;
    std::int64_t calibrationSamples = 0; ///< 0 = all
    std::int64_t evaluationSamples = 0;  ///< 0 = all
    std::int64_t memoryLimit = 0; ///< bytes that calibration may take, of all jobs together; 0 = no limit
    int jobsAtOnce = 0;           ///< 0 = as many as there are threads, up to 8
};

/// One job of a sweep: a uniform recipe on a model.
struct SweepJob {
    std::string model;  ///< name
    std::string method; ///< the chain
    Recipe recipe;

    bool operator==(const SweepJob &) const = default;
};

/// Each of these chains; "all" stands for every method there is.
/// \error InvalidArgument  a method does not exist
Result<std::vector<std::string>> expandedMethods(const std::vector<std::string> &names,
                                                 const MethodRegistry &methods);

/// The jobs of a plan, model by model, the same one once.
/// \error InvalidArgument  a list is empty, a method does not exist, a value is out of range, or two models
///                         have the same name
Result<std::vector<SweepJob>> sweepJobs(const SweepPlan &plan, const MethodRegistry &methods);

// What tables say about the recipe of a job. The recipe has one rule, with a choice for weights.
int weightBits(const Recipe &recipe);
int activationBits(const Recipe &recipe); ///< 0 = float
SliceChoice slices(const Recipe &recipe);

} // namespace qs
