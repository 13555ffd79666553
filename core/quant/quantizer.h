#pragma once

#include "core/base/finding.h"
#include "core/base/parameter_schema.h"
#include "core/base/run_context.h"
#include "core/quant/quantized_matrix.h"
#include "core/quant/token_weighting.h"
#include "core/tensor/matrix_view.h"
#include "core/tensor/tensor.h"

#include <memory>
#include <nlohmann/json.hpp>

namespace qs {

/// How sure we are that a method is what its paper says; shown beside its name.
enum class MethodStatus { ReferenceChecked, PaperFormula, Experimental };
std::string_view methodStatusName(MethodStatus status); ///< "reference-checked", …

/// What a method does in the chain of a recipe.
enum class MethodKind {
    Quantizer, ///< turns weights into codes
    Branch,    ///< splits a weight into a quantized part and a low-rank branch
    Transform, ///< changes what enters layers, and the layers back
    Block,     ///< turns the weights of a block into codes together
};
std::string_view methodKindName(MethodKind kind); ///< "quantizer", …

/// What a method tells about itself.
struct MethodInfo {
    MethodKind kind = MethodKind::Quantizer;
    std::string id;                ///< "rtn", "gptq": what recipes say; unique over all kinds
    std::string name;              ///< "GPTQ"
    std::string summary;           ///< one sentence
    std::string paper;             ///< "Frantar et al. 2022, arXiv:2210.17323"
    std::vector<std::string> tags; ///< vocabulary: method_taxonomy
    std::string version;
    std::string origin; ///< "built in", or the plugin's file
    MethodStatus status = MethodStatus::ReferenceChecked;
    bool needsHessian = false;
    bool needsInputs = false; ///< statistics and samples of the activations: any calibration
    std::string cost;         ///< time and memory in the sizes of the layer; may be empty

    bool needsCalibration() const { return needsHessian || needsInputs; }
};

/// Everything but the method: how the weight lies on its grid.
struct WeightGridScheme {
    GridScheme grid;
    Granularity granularity = Granularity::PerChannel;
    std::int64_t groupSize = 128; ///< PerGroup only
    bool scaleAsFloat16 = false;

    bool operator==(const WeightGridScheme &) const = default;
};

/// Bits per weight that a scheme will take for a [rows, cols] matrix: codes, scales and zero points, counted
/// as QuantizedMatrix::bitsBreakdown counts them. Methods may store a little more.
double plannedWeightBits(const WeightGridScheme &scheme, std::int64_t rows, std::int64_t cols);

/// Says yes, or no with the reason that the UI shows.
struct Support {
    bool yes = true;
    std::string reason;
};

/// What calibration saw of each column of a weight, over all tokens.
struct InputStatistics {
    std::vector<float> minimum, maximum, mean, meanMagnitude; ///< [cols]
};

/// The first inputs of a layer that calibration saw, float32 [tokens, cols].
struct LayerInputs {
    Tensor values;
    Tensor quantized; ///< as the layer sees them when its activation is quantized; else the same
};

/// What a method may ask about the layer at hand besides its weight.
class LayerServices {
public:
    virtual ~LayerServices() = default;
    /// H = 2/n Σ x xᵀ over all captured inputs of the layer (of convolution group `group`), float64 [cols,
    /// cols]. \error NotFound  no calibration was run for this layer
    virtual Result<MatrixView<const double>> hessian(std::int64_t group) = 0;
    /// Columns of a convolution show their input channel (taps of one channel have the same).
    /// \error NotFound  no calibration was run for this layer
    virtual Result<InputStatistics> inputStatistics(std::int64_t group);
    /// \error NotFound  no calibration, or a convolution with a kernel: its columns are not kept
    virtual Result<LayerInputs> inputs();
};

/// One weight to quantize.
struct QuantizeRequest {
    std::string layerName;
    MatrixView<const float> weights; ///< [outChannels, inPerOut], row-major
    std::int64_t groups = 1;         ///< convolution groups; group k owns rows/groups consecutive rows
    WeightGridScheme scheme;
    nlohmann::json parameters;         ///< completed by the method's schema
    LayerServices *services = nullptr; ///< may be null for methods that need nothing
    std::uint64_t seed = 0;
    FindingList *findings = nullptr; ///< what the method has to say about this layer; may be null
};

/// A method that turns a weight into codes. Stateless; one instance serves all threads.
class Quantizer {
public:
    virtual ~Quantizer() = default;
    virtual const MethodInfo &info() const = 0;
    virtual const ParameterSchema &schema() const = 0;
    /// Whether it can take this request; the weights may be absent (data == nullptr), only sizes are read.
    virtual Support supports(const QuantizeRequest &request) const = 0;
    /// How tokens count in the Hessian that it asks for, under these parameters.
    virtual TokenWeighting tokenWeighting(const nlohmann::json &) const { return {}; }
    /// \error InvalidArgument  non-finite weight (names row and column); parameters out of range
    /// \error NotFound         a Hessian is needed and there is none
    /// \error Cancelled, PluginFailure
    /// \thread safe
    virtual Result<QuantizedMatrix> quantize(const QuantizeRequest &request, const RunContext &ctx) const = 0;
};

/// Round to nearest on any grid and range rule: the method that every other is compared with.
std::shared_ptr<const Quantizer> makeRtnQuantizer();

} // namespace qs
