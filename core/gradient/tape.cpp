#include "core/gradient/tape.h"

#include "core/exec/control_flow.h"
#include "core/exec/execution_plan.h"
#include "core/gradient/gradient_rule.h"

#include <mutex>
#include <set>

namespace qs {

struct GradientTape::Impl {
    std::shared_ptr<const Model> model;
    NodeRange range;
    std::vector<Kernel> kernels; ///< by node of the range
    std::vector<ValueId> inputs, outputs;
    std::shared_ptr<BufferPool> pool = BufferPool::create();
    std::mutex mutex;
    std::vector<IndexMap> indexMaps; ///< by node of the range; guarded by mutex

    const ModelGraph &graph() const { return model->graph; }
    std::size_t index(NodeId node) const { return static_cast<std::size_t>(node - range.begin); }
};

namespace {

std::string nodeText(const Node &node) {
    return fmt::format("node '{}' ({})", node.name, node.opType);
}

std::vector<ValueId> valuesForOutside(const ModelGraph &graph, NodeRange range) {
    std::vector<ValueId> outputs;
    const auto isReadOutside = [&](ValueId id) {
        const auto &readers = graph.consumers(id);
        return std::ranges::find(graph.outputs(), id) != graph.outputs().end() ||
               std::ranges::any_of(readers, [&](NodeId reader) { return reader >= range.end; });
    };
    for (NodeId n = range.begin; n < range.end; ++n)
        for (const ValueId id : graph.node(n).outputs)
            if (id != kNoValue && isReadOutside(id))
                outputs.push_back(id);
    return outputs;
}

/// Replaces a constant by the substituted weight or applies the slot's function.
Status substitute(Tensor &operand, InputSlot slot, const TapeOptions &options) {
    if (const auto weight = options.weights.find(slot); weight != options.weights.end()) {
        if (weight->second.shape() != operand.shape() || weight->second.dtype() != operand.dtype())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the substituted weight of input {} is {} {}, not {} {}", slot.index,
                                    dtypeName(weight->second.dtype()), weight->second.shape().text(),
                                    dtypeName(operand.dtype()), operand.shape().text()));
        operand = weight->second;
    }
    if (const auto found = options.activations.find(slot); found != options.activations.end()) {
        QS_TRY(operand, found->second.apply(operand));
    }
    return {};
}

/// A copy: the kernel may have returned what an operand holds.
Result<Tensor> withOffset(const Tensor &output, const NodeAddition &addition) {
    if (!addition.weight.empty() || output.dtype() != DType::Float32)
        return fail(ErrorCode::Unsupported, "gradients go through additions of constants to float32 only");
    Tensor sum = Tensor::allocate(DType::Float32, output.shape());
    std::ranges::copy(output.values<float>(), sum.mutableValues<float>().begin());
    QS_CHECK_OK(addOffset(sum, addition));
    return sum;
}

/// The way back through one recording.
class BackwardPass {
public:
    BackwardPass(const ModelGraph &graph, NodeRange range, std::span<const Kernel> kernels,
                 std::span<IndexMap> indexMaps, BufferPool &pool, const TapeRecord &record,
                 const GradientTargets &targets, const RunContext &ctx)
        : m_graph(graph), m_range(range), m_kernels(kernels), m_indexMaps(indexMaps), m_pool(pool),
          m_record(record), m_ctx(ctx), m_slots(targets.slots.begin(), targets.slots.end()),
          m_targetValues(targets.values.begin(), targets.values.end()) {}

    Result<GradientResult> run(const std::unordered_map<ValueId, Tensor> &seeds) {
        findActive();
        for (const auto &[id, seed] : seeds)
            if (m_active.contains(id))
                QS_CHECK_OK(add(id, seed));
        for (NodeId n = m_range.end; n-- > m_range.begin;) {
            if (m_ctx.cancelled())
                return RunContext::cancelledError();
            if (!isOnTheWay(n))
                continue;
            if (auto status = stepBack(n); !status)
                return fail(status.error().code == ErrorCode::Cancelled
                                ? std::move(status).error()
                                : std::move(status).error().withContext(nodeText(m_graph.node(n))));
        }
        return takeResult();
    }

private:
    static bool isFloat(const Tensor &tensor) { return !tensor.empty() && tensor.dtype() == DType::Float32; }

    const TapeRecord::Step &step(NodeId n) const {
        return m_record.steps[static_cast<std::size_t>(n - m_range.begin)];
    }

    /// Whether a gradient by what the node reads in a slot leads to a target.
    bool isWanted(NodeId n, std::size_t index) const {
        const ValueId id = m_graph.node(n).inputs[index];
        return id != kNoValue && (m_active.contains(id) || m_slots.contains({n, static_cast<int>(index)}));
    }

    /// Values that depend on a target through numbers that can change a little.
    void findActive() {
        m_active = m_targetValues;
        for (NodeId n = m_range.begin; n < m_range.end; ++n) {
            const Node &node = m_graph.node(n);
            bool active = false;
            for (std::size_t i = 0; i < node.inputs.size(); ++i)
                active = active || isWanted(n, i);
            for (std::size_t i = 0; i < node.outputs.size() && active; ++i)
                if (node.outputs[i] != kNoValue && isFloatingPoint(step(n).results[i].dtype()))
                    m_active.insert(node.outputs[i]);
        }
    }

    /// Whether a gradient arrived at the node and leads from it to a target.
    bool isOnTheWay(NodeId n) const {
        const Node &node = m_graph.node(n);
        bool wanted = false;
        for (std::size_t i = 0; i < node.inputs.size(); ++i)
            wanted = wanted || isWanted(n, i);
        return wanted &&
               std::ranges::any_of(node.outputs, [&](ValueId id) { return m_gradients.contains(id); });
    }

    Status stepBack(NodeId n) {
        const Node &node = m_graph.node(n);
        std::vector<Tensor> operands = step(n).operands, above(node.outputs.size());
        for (std::size_t i = 0; i < above.size(); ++i)
            if (const auto found = m_gradients.find(node.outputs[i]); found != m_gradients.end())
                above[i] = found->second;
        std::vector<bool> wanted(node.inputs.size());
        for (std::size_t i = 0; i < wanted.size(); ++i)
            wanted[i] = isWanted(n, i);
        const GradientRule rule = findGradientRule(node);
        if (!rule)
            return fail(
                ErrorCode::Unsupported,
                "the operator has no gradient rule; methods that need gradients cannot go through it");
        for (std::size_t i = 0; i < wanted.size(); ++i)
            if (wanted[i] && !isFloat(operands[i]))
                return fail(ErrorCode::Unsupported, fmt::format("input {} is {}; gradients need float32", i,
                                                                dtypeName(operands[i].dtype())));
        KernelCall forward{operands, m_ctx, m_pool};
        const auto index = static_cast<std::size_t>(n - m_range.begin);
        const BackwardCall call{node,  m_graph, m_kernels[index],  forward, step(n).results,
                                above, wanted,  m_indexMaps[index]};
        QS_TRY(std::vector<Tensor> gradients, rule(call));
        for (std::size_t i = 0; i < wanted.size(); ++i)
            if (wanted[i])
                QS_CHECK_OK(passOn({n, static_cast<int>(i)}, node.inputs[i], std::move(gradients[i])));
        release(node);
        return {};
    }

    /// The gradient of a slot goes to the slot if it is a target, and through its function to the value.
    Status passOn(InputSlot slot, ValueId id, Tensor gradient) {
        if (m_slots.contains(slot))
            m_result.slots[slot] = gradient;
        if (!m_active.contains(id))
            return {};
        if (const auto found = m_record.activations.find(slot); found != m_record.activations.end()) {
            QS_TRY(gradient, found->second.pullBack(m_record.values.at(id), gradient));
        }
        return add(id, gradient);
    }

    Status add(ValueId id, const Tensor &gradient) {
        Tensor &sum = m_gradients[id];
        if (sum.empty()) {
            sum = gradient;
            return {};
        }
        if (sum.shape() != gradient.shape())
            return fail(ErrorCode::InvalidArgument, fmt::format("gradients of shapes {} and {} for one value",
                                                                sum.shape().text(), gradient.shape().text()));
        Tensor total = Tensor::allocate(DType::Float32, sum.shape());
        std::ranges::transform(sum.values<float>(), gradient.values<float>(),
                               total.mutableValues<float>().begin(), std::plus<>());
        sum = std::move(total);
        return {};
    }

    /// Gradients of a node's outputs are complete and used once its rule has run.
    void release(const Node &node) {
        for (const ValueId id : node.outputs)
            if (!m_targetValues.contains(id))
                m_gradients.erase(id);
    }

    GradientResult takeResult() {
        for (const ValueId id : m_targetValues) {
            Tensor &gradient = m_gradients[id];
            if (gradient.empty())
                gradient = Tensor::zeros(DType::Float32, m_record.values.at(id).shape());
            m_result.values[id] = std::move(gradient);
        }
        for (const InputSlot slot : m_slots)
            if (Tensor &gradient = m_result.slots[slot]; gradient.empty())
                gradient = Tensor::zeros(
                    DType::Float32, step(slot.node).operands[static_cast<std::size_t>(slot.index)].shape());
        return std::move(m_result);
    }

    const ModelGraph &m_graph;
    NodeRange m_range;
    std::span<const Kernel> m_kernels;
    std::span<IndexMap> m_indexMaps;
    BufferPool &m_pool;
    const TapeRecord &m_record;
    const RunContext &m_ctx;
    std::set<InputSlot> m_slots;
    std::set<ValueId> m_targetValues, m_active;
    std::unordered_map<ValueId, Tensor> m_gradients;
    GradientResult m_result;
};

} // namespace

std::vector<ValueId> valuesReadFromOutside(const ModelGraph &graph, NodeRange range) {
    std::vector<ValueId> inputs;
    std::set<ValueId> seen;
    const auto add = [&](ValueId id) {
        if (id == kNoValue || graph.constant(id) || range.contains(graph.value(id).producer) ||
            !seen.insert(id).second)
            return;
        inputs.push_back(id);
    };
    for (NodeId n = range.begin; n < range.end; ++n) {
        std::ranges::for_each(graph.node(n).inputs, add);
        std::ranges::for_each(capturedValues(graph, graph.node(n)), add);
    }
    return inputs;
}

GradientTape::GradientTape(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
GradientTape::~GradientTape() = default;
const Model &GradientTape::model() const {
    return *m_impl->model;
}
NodeRange GradientTape::range() const {
    return m_impl->range;
}
const std::vector<ValueId> &GradientTape::inputs() const {
    return m_impl->inputs;
}
const std::vector<ValueId> &GradientTape::outputs() const {
    return m_impl->outputs;
}

Result<std::shared_ptr<const GradientTape>> GradientTape::create(std::shared_ptr<const Model> model) {
    const auto nodes = static_cast<NodeId>(model->graph.nodes().size());
    return create(std::move(model), {0, nodes});
}

Result<std::shared_ptr<const GradientTape>> GradientTape::create(std::shared_ptr<const Model> model,
                                                                 NodeRange range) {
    auto impl = std::make_unique<Impl>();
    impl->range = range;
    for (NodeId n = range.begin; n < range.end; ++n) {
        if (isControlFlow(model->graph.node(n)))
            return fail(ErrorCode::Unsupported, "branches and loops have no gradient",
                        nodeText(model->graph.node(n)));
        auto kernel = makeKernel(model->graph.node(n), model->graph, {});
        if (!kernel)
            return fail(std::move(kernel).error().withContext(nodeText(model->graph.node(n))));
        impl->kernels.push_back(std::move(*kernel));
    }
    impl->inputs = valuesReadFromOutside(model->graph, range);
    impl->outputs = valuesForOutside(model->graph, range);
    impl->indexMaps.resize(impl->kernels.size());
    impl->model = std::move(model);
    return std::shared_ptr<const GradientTape>(new GradientTape(std::move(impl)));
}

Result<TapeRecord> GradientTape::forward(std::unordered_map<ValueId, Tensor> inputs,
                                         const TapeOptions &options, const RunContext &ctx) const {
    const ModelGraph &graph = m_impl->graph();
    for (const ValueId id : m_impl->inputs)
        if (!inputs.contains(id))
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("the range of nodes reads '{}', which was not given", graph.value(id).name));
    TapeRecord record;
    record.values = std::move(inputs);
    record.activations = options.activations;
    for (NodeId n = m_impl->range.begin; n < m_impl->range.end; ++n) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const Node &node = graph.node(n);
        TapeRecord::Step step;
        step.operands.resize(node.inputs.size());
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            const ValueId id = node.inputs[i];
            if (id == kNoValue)
                continue;
            const Tensor *constant = graph.constant(id);
            step.operands[i] = constant ? *constant : record.values.at(id);
            if (auto status = substitute(step.operands[i], {n, static_cast<int>(i)}, options); !status)
                return fail(std::move(status).error().withContext(nodeText(node)));
        }
        // The kernel gets copies: operands that the record holds are not overwritten.
        std::vector<Tensor> operands = step.operands;
        KernelCall call{operands, ctx, *m_impl->pool};
        auto results = m_impl->kernels[m_impl->index(n)](call);
        if (!results)
            return fail(results.error().code == ErrorCode::Cancelled
                            ? std::move(results).error()
                            : std::move(results).error().withContext(nodeText(node)));
        step.results = std::move(*results);
        if (const auto addition = options.additions.find(n); addition != options.additions.end()) {
            QS_TRY(step.results[0], withOffset(step.results[0], addition->second));
        }
        for (std::size_t i = 0; i < node.outputs.size(); ++i)
            if (node.outputs[i] != kNoValue)
                record.values[node.outputs[i]] = step.results[i];
        record.steps.push_back(std::move(step));
    }
    return record;
}

Result<GradientResult> GradientTape::backward(const TapeRecord &record,
                                              const std::unordered_map<ValueId, Tensor> &seeds,
                                              const GradientTargets &targets, const RunContext &ctx) const {
    const std::scoped_lock lock(m_impl->mutex);
    return BackwardPass(m_impl->graph(), m_impl->range, m_impl->kernels, m_impl->indexMaps, *m_impl->pool,
                        record, targets, ctx)
        .run(seeds);
}

LossSeed squaredErrorSeed(const Tensor &value, const Tensor &target, double count) {
    LossSeed result{0, Tensor::allocate(DType::Float32, value.shape())};
    const auto y = value.values<float>(), wanted = target.values<float>();
    const auto seed = result.seed.mutableValues<float>();
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double difference = static_cast<double>(y[i]) - wanted[i];
        result.loss += difference * difference;
        seed[i] = static_cast<float>(2 * difference / count);
    }
    result.loss /= count;
    return result;
}

} // namespace qs
