#pragma once

#include "core/exec/executor.h"
#include "core/graph/reconstruction_block.h"

namespace qs {

/// Something put between a value and the slot that reads it, with its own derivative (fake quantization with
/// a straight-through gradient). Both functions are called on the running thread.
struct SlotFunction {
    std::function<Result<Tensor>(const Tensor &raw)> apply; ///< a tensor of the same shape
    /// Gradient by the raw value from the gradient by what the slot read.
    std::function<Result<Tensor>(const Tensor &raw, const Tensor &gradient)> pullBack;
};

/// What a pass over a tape changes; the graph itself stays as it is.
struct TapeOptions {
    std::map<InputSlot, Tensor> weights; ///< read instead of the constant in the slot; same shape
    std::map<InputSlot, SlotFunction> activations;
    std::map<NodeId, NodeAddition> additions; ///< offsets only
};

/// A forward pass: everything that the way back reads.
struct TapeRecord {
    struct Step {
        std::vector<Tensor> operands; ///< as the kernel read them; empty where omitted
        std::vector<Tensor> results;
    };
    std::vector<Step> steps;                       ///< by node of the range
    std::unordered_map<ValueId, Tensor> values;    ///< given and computed
    std::map<InputSlot, SlotFunction> activations; ///< of the options
};

/// What a gradient is asked for.
struct GradientTargets {
    std::vector<ValueId> values;  ///< given to the range or computed in it
    std::vector<InputSlot> slots; ///< what a node reads there (a weight, a quantized activation)
};

struct GradientResult {
    std::unordered_map<ValueId, Tensor> values; ///< float32 of the value's shape; zeros where nothing depends
    std::map<InputSlot, Tensor> slots;
};

/// Values from outside that nodes of a range read, constants excluded: what a pass over the range must be
/// given.
std::vector<ValueId> valuesReadFromOutside(const ModelGraph &graph, NodeRange range);

/// Reverse-mode differentiation over a range of nodes. The forward pass runs the executor's own kernels, node
/// by node; the way back runs one rule per operator (core/gradient/gradient_rule.h) over float32 values.
/// Integers and booleans (shapes, indices, masks) get no gradient. Matrix products go through gemm().
/// \thread forward() may run on several threads at once; backward() is serialised. Results do not depend on
/// the thread count.
class GradientTape {
public:
    /// \error Unsupported  an operator in the range that no backend implements; names the node
    static Result<std::shared_ptr<const GradientTape>> create(std::shared_ptr<const Model> model,
                                                              NodeRange range);
    /// The whole graph.
    static Result<std::shared_ptr<const GradientTape>> create(std::shared_ptr<const Model> model);
    ~GradientTape();

    const Model &model() const;
    NodeRange range() const;
    /// valuesReadFromOutside() of the range.
    const std::vector<ValueId> &inputs() const;
    /// Values of the range that nodes behind it read or that the graph returns.
    const std::vector<ValueId> &outputs() const;

    /// \param inputs  one tensor for every value of inputs()
    /// \error InvalidArgument  an input is missing; what a kernel refuses, with the node's name.  Cancelled
    Result<TapeRecord> forward(std::unordered_map<ValueId, Tensor> inputs, const TapeOptions &options,
                               const RunContext &ctx) const;

    /// \param seeds  dLoss/dValue for values of the range, float32 of their shapes
    /// \error Unsupported  an operator between targets and seeds has no rule, or not for this form or element
    ///                     type; names the node.  Cancelled
    Result<GradientResult> backward(const TapeRecord &record,
                                    const std::unordered_map<ValueId, Tensor> &seeds,
                                    const GradientTargets &targets, const RunContext &ctx) const;

private:
    struct Impl;
    explicit GradientTape(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

/// Loss and seed of a mean squared error: Σ (value - target)² / count; the seed is its gradient by `value`.
/// \param value, target  float32 of the same shape
struct LossSeed {
    double loss = 0;
    Tensor seed;
};
LossSeed squaredErrorSeed(const Tensor &value, const Tensor &target, double count);

} // namespace qs
