#pragma once

#include "core/quant/quantizer.h"
#include "core/quant/range_rule.h"

#include <optional>
#include <span>

namespace qs {

/// What can take the inverse of a change at a site.
enum class SiteProducer { None, Norm, Layer };

/// A layer that reads a site.
struct SiteConsumer {
    std::string layerName;
    Tensor weights; ///< float32 [rows, channels, taps]; a depthwise convolution has one row
    std::int64_t taps = 1;
    std::optional<WeightGridScheme> scheme; ///< absent: stays in float
    std::optional<GridScheme> activation;   ///< absent: stays in float
    bool depthwise = false;                 ///< the one row stands for all channels, each its own output
};

/// One activation tensor that enters layers, with what is known about it.
struct TransformSite {
    std::string name; ///< of the tensor
    std::int64_t channels = 0;
    SiteProducer producer = SiteProducer::None;
    bool canShift = false;
    std::vector<SiteConsumer> consumers;
    InputStatistics statistics; ///< [channels]; empty without calibration
    Tensor inputs;              ///< float32 [tokens, channels]; empty without calibration
    Tensor hessian;             ///< float64 [channels, channels]; empty when not known
    Tensor producerWeights;     ///< float32 [channels, n]; SiteProducer::Layer
    std::vector<float> producerBias;
};

/// x' = (x − shift) / scale, or x' = x · matrix. Empty parts do nothing.
struct SiteChange {
    std::vector<float> scale, shift;           ///< [channels]
    Tensor matrix;                             ///< float64 [channels, channels], invertible
    std::optional<ValueRange> activationRange; ///< of x', where the method decides it
};

/// What a transform fills.
struct TransformKinds {
    bool scales = false, shifts = false, rotates = false;
    bool residual = false; ///< one orthogonal matrix for the residual stream of a transformer
    bool repeats = false;  ///< again over all sites until nothing changes
};

struct TransformRequest {
    const TransformSite *site = nullptr;
    nlohmann::json parameters;
    std::uint64_t seed = 0;
    FindingList *findings = nullptr;
};

/// A method that changes what enters layers so that quantization hurts less; the model's function stays.
/// Stateless; one instance serves all threads.
class TransformMethod {
public:
    virtual ~TransformMethod() = default;
    virtual const MethodInfo &info() const = 0;
    virtual const ParameterSchema &schema() const = 0;
    virtual TransformKinds kinds() const = 0;
    virtual Support supports(const TransformRequest &request) const = 0;
    /// \error InvalidArgument, NotFound, Cancelled, PluginFailure (a scale that is not positive, a matrix
    /// that is not finite) \thread safe
    virtual Result<SiteChange> transform(const TransformRequest &request, const RunContext &ctx) const = 0;
};

} // namespace qs
