#pragma once

#include "core/base/run_context.h"
#include "core/graph/layer.h"
#include "core/hardware/compute_type.h"

#include <array>
#include <functional>

namespace qs {

/// What part of a network's life is modelled.
enum class Stage {
    Prefill,  ///< the whole prompt at once; K and V go to the cache
    Decode,   ///< one more token per sequence, over a cache of `sequence` tokens (the new one included)
    Inference ///< one pass without a cache
};
const char *stageName(Stage stage); ///< "prefill"
std::optional<Stage> stageFromName(std::string_view name);

enum class OperatorKind { Linear, Convolution, Attention, Softmax, Norm, Elementwise, Embedding, Movement };
inline constexpr int kOperatorKinds = 8;
const char *operatorKindName(OperatorKind kind); ///< "linear"

/// Bytes that an operator moves between memory and the processor, by class.
struct Traffic {
    double weights = 0, activationsIn = 0, activationsOut = 0, cacheIn = 0, cacheOut = 0;

    double total() const { return weights + activationsIn + activationsOut + cacheIn + cacheOut; }
    Traffic &operator+=(const Traffic &other);
    Traffic operator*(double factor) const;
};

/// One operator of a pass, before any device is chosen.
struct OperatorWork {
    std::string name; ///< "q_proj", or the node's
    OperatorKind kind = OperatorKind::Linear;
    LayerId layer = kNoLayer;                    ///< of the opened model, when it is one of its layers
    double repeats = 1;                          ///< how often the pass runs it (blocks of a transformer)
    double operations = 0;                       ///< of one repeat; a multiply-add counts two
    Traffic bytes;                               ///< of one repeat
    bool matrix = false;                         ///< runs on the matrix units, else at the vector rate
    double leftBits = 16, rightBits = 16;        ///< widths of a matrix operation's operands
    std::optional<ComputeType> forcedRoof;       ///< compatible mode decides by its own rule
    std::string operationsFormula, bytesFormula; ///< with the numbers put in
};

/// Bytes that must be in memory during a pass.
struct MemoryUse {
    double weights = 0, cache = 0, activations = 0;
    double total() const { return weights + cache + activations; }
};

/// A pass: what is computed, what is moved, what must fit.
struct Workload {
    std::string name; ///< of the precision: "FP16"
    std::vector<OperatorWork> operators;
    MemoryUse memory;
    double parameters = 0;
    double averageWeightBits = 0;   ///< stored, over all parameters
    std::vector<std::string> notes; ///< what is approximate, for people
};

/// A weight about whose precision a plan is asked.
struct WeightSite {
    std::string name;         ///< "model.layers.0.self_attn.q_proj"
    LayerId layer = kNoLayer; ///< of the opened model
    std::int64_t outChannels = 1, inPerOut = 1;
};

/// Widths of one layer.
struct LayerPrecision {
    double codeBits = 16;   ///< of a weight's code: chooses the arithmetic
    double storedBits = 16; ///< with scales and zero points: what is read from memory
    double inputBits = 16;  ///< of the activation that enters

    bool operator==(const LayerPrecision &) const = default;
};

/// How precisely everything is kept.
struct PrecisionPlan {
    std::string name;
    std::function<LayerPrecision(const WeightSite &)> layer;
    double activationBits = 16;  ///< of activations that no layer quantizes
    double cacheBits = 16;       ///< of K and V: their codes
    double cacheStoredBits = 16; ///< with scales
    double floatBits = 16;       ///< of what is never quantized: norms, biases, tables, logits
    bool uniform = true;         ///< one width for all layers
};

/// One set of widths for everything, as what-if sliders give it.
struct UniformPrecision {
    double weightBits = 16, activationBits = 16, cacheBits = 16;
    std::int64_t groupSize = 128; ///< weights that share a 16 bit scale; 0 = a row. Only below 16 bit
    double floatBits = 16;
    std::int64_t headDim = 0; ///< values of a token and head that share a 16 bit scale in the cache; 0 = none
};
/// \source roofline specification B.1: storedBits = bits + 16 / group
PrecisionPlan uniformPlan(std::string name, const UniformPrecision &precision);

/// What to model.
struct WorkloadRequest {
    Stage stage = Stage::Inference;
    std::int64_t batch = 1, sequence = 1024; ///< sequences; tokens of each
    PrecisionPlan plan = uniformPlan("FP16", {});
    bool fusedAttention = false; ///< scores stay on the chip
    bool lastLogitsOnly = false; ///< prefill computes the logits of the last token only
    bool compatible = false;     ///< LLM-Viewer's equations, its defects included
    double onChipBytes = 0;      ///< register files of the device, for fused attention; 0 = not known

    /// \error InvalidArgument  batch, sequence or a width out of range; says the range
    Status check() const;
};
inline constexpr std::int64_t kMostBatch = 1 << 20, kMostSequence = 1 << 26;

/// Something whose cost can be modelled: a config, an opened model. Immutable.
class CostSource {
public:
    virtual ~CostSource() = default;
    virtual std::string name() const = 0;
    virtual std::vector<Stage> stages() const = 0;
    virtual bool takesBatch() const = 0;                   ///< false: fixed by the file
    virtual bool takesSequence() const = 0;                ///< false: fixed by the file, or there is none
    virtual std::int64_t maxSequence() const { return 0; } ///< that it was made for; 0 = not said
    virtual std::int64_t headDim() const { return 0; }     ///< of the cache; 0 = no cache
    virtual std::string whyNothing() const { return {}; }  ///< has a cost; empty when something has
    /// \error InvalidArgument  out of range, or a stage that it does not have;  Unsupported  shapes that
    /// cannot be
    ///                         worked out (names the node);  Cancelled
    virtual Result<Workload> workload(const WorkloadRequest &request, const RunContext &ctx) const = 0;
};

} // namespace qs
