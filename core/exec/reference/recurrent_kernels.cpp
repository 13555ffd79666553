#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/recurrent_cell.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

/// Operands: X, W, R, B, sequence_lens, initial_h, and for LSTM initial_c and P.
enum Operand : std::size_t { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeepholes };

/// Far beyond any real network, and small enough that sizes computed from it cannot overflow.
constexpr std::int64_t kLargestHidden = 1 << 20;

struct RecurrentForm {
    RecurrentCell cell;                           ///< without weights and activations
    std::vector<RecurrentActivation> activations; ///< of the first direction, then of the second
    std::int64_t directions = 1;
    bool reverse = false;    ///< a single direction runs backwards
    bool batchFirst = false; ///< X [batch, steps, inputSize] instead of [steps, batch, inputSize]
    bool wantsSequence = false;
};

/// Sizes of one call, and where its elements are.
struct RecurrentPlan {
    std::int64_t steps = 0, batch = 0, inputSize = 0, hidden = 0, directions = 1;
    bool batchFirst = false;
    std::vector<std::int64_t> lengths; ///< of every sequence of the batch; empty when all have `steps`

    std::int64_t inputOffset(std::int64_t step, std::int64_t n) const {
        return (batchFirst ? n * steps + step : step * batch + n) * inputSize;
    }
    std::int64_t outputOffset(std::int64_t step, std::int64_t direction, std::int64_t n) const {
        return (batchFirst ? (n * steps + step) * directions + direction
                           : (step * directions + direction) * batch + n) *
               hidden;
    }
    std::int64_t stateOffset(std::int64_t direction, std::int64_t n) const {
        return (batchFirst ? n * directions + direction : direction * batch + n) * hidden;
    }
    Shape sequenceShape() const {
        return batchFirst ? Shape{batch, steps, directions, hidden} : Shape{steps, directions, batch, hidden};
    }
    Shape stateShape() const {
        return batchFirst ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
    }
};

Status requireShape(const KernelCall &call, std::size_t index, const Shape &wanted) {
    if (!call.has(index) || call[index].shape() == wanted)
        return {};
    return fail(ErrorCode::InvalidArgument, fmt::format("input {} has shape {}, needs {}", index,
                                                        call[index].shape().text(), wanted.text()));
}

Result<std::vector<std::int64_t>> sequenceLengths(const KernelCall &call, std::int64_t steps) {
    if (!call.has(kLengths))
        return std::vector<std::int64_t>{};
    QS_TRY(auto lengths, toInt64Vector(call[kLengths]));
    for (const std::int64_t length : lengths)
        if (length < 0 || length > steps)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("a sequence of length {} in {} steps", length, steps));
    return lengths;
}

Result<RecurrentPlan> planRecurrent(const KernelCall &call, const RecurrentForm &form) {
    QS_CHECK_OK(requireInputs(call, 3));
    const Shape &x = call[kX].shape(), &r = call[kR].shape();
    if (x.rank() != 3 || r.rank() != 3 || r[2] < 1 || r[2] > kLargestHidden)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("X {} and R {} must have three axes and a state", x.text(), r.text()));
    if (!isFloatingPoint(call[kX].dtype()))
        return fail(ErrorCode::Unsupported,
                    fmt::format("elements of type {} are not supported", dtypeName(call[kX].dtype())));
    RecurrentPlan plan;
    plan.batchFirst = form.batchFirst;
    plan.directions = form.directions;
    plan.steps = x[form.batchFirst ? 1 : 0];
    plan.batch = x[form.batchFirst ? 0 : 1];
    plan.inputSize = x[2];
    plan.hidden = form.cell.hidden > 0 ? form.cell.hidden : r[2];
    const std::int64_t rows = gateCount(form.cell.kind) * plan.hidden;
    QS_CHECK_OK(requireShape(call, kW, Shape{plan.directions, rows, plan.inputSize}));
    QS_CHECK_OK(requireShape(call, kR, Shape{plan.directions, rows, plan.hidden}));
    QS_CHECK_OK(requireShape(call, kB, Shape{plan.directions, 2 * rows}));
    QS_CHECK_OK(requireShape(call, kLengths, Shape{plan.batch}));
    QS_CHECK_OK(requireShape(call, kInitialH, plan.stateShape()));
    QS_CHECK_OK(requireShape(call, kInitialC, plan.stateShape()));
    QS_CHECK_OK(requireShape(call, kPeepholes, Shape{plan.directions, 3 * plan.hidden}));
    QS_TRY(plan.lengths, sequenceLengths(call, plan.steps));
    return plan;
}

/// Part `direction` of an operand, in float64.
Result<std::vector<double>> directionOf(const KernelCall &call, std::size_t index, std::int64_t direction,
                                        std::int64_t directions) {
    QS_TRY(const Tensor values, castTensor(call[index], DType::Float64));
    const std::int64_t size = values.numel() / directions;
    const double *first = values.values<double>().data() + direction * size;
    return std::vector<double>(first, first + size);
}

std::vector<double> transposed(const std::vector<double> &matrix, std::int64_t columns) {
    const auto width = static_cast<std::size_t>(columns), height = width == 0 ? 0 : matrix.size() / width;
    std::vector<double> result(matrix.size());
    for (std::size_t row = 0; row < height; ++row)
        for (std::size_t column = 0; column < width; ++column)
            result[column * height + row] = matrix[row * width + column];
    return result;
}

Result<RecurrentCell> makeCell(const KernelCall &call, const RecurrentForm &form, const RecurrentPlan &plan,
                               std::int64_t direction) {
    RecurrentCell cell = form.cell;
    cell.hidden = plan.hidden;
    cell.inputSize = plan.inputSize;
    QS_TRY(const auto w, directionOf(call, kW, direction, plan.directions));
    QS_TRY(const auto r, directionOf(call, kR, direction, plan.directions));
    cell.inputWeights = transposed(w, plan.inputSize);
    cell.stateWeights = transposed(r, plan.hidden);
    const auto rows = gateCount(cell.kind) * plan.hidden;
    cell.inputBias.assign(static_cast<std::size_t>(rows), 0.0);
    cell.stateBias = cell.inputBias;
    if (call.has(kB)) {
        QS_TRY(const auto bias, directionOf(call, kB, direction, plan.directions));
        cell.inputBias.assign(bias.begin(), bias.begin() + rows);
        cell.stateBias.assign(bias.begin() + rows, bias.end());
    }
    if (call.has(kPeepholes)) {
        QS_TRY(cell.peepholes, directionOf(call, kPeepholes, direction, plan.directions));
    }
    const auto each = static_cast<std::ptrdiff_t>(form.activations.size()) / plan.directions;
    const auto first = form.activations.begin() + direction * each;
    cell.activations.assign(first, first + each);
    return cell;
}

/// Operands and results of all directions, float64.
struct RecurrentTensors {
    Tensor x, initialH, initialC;    ///< initial states are empty where they are 0
    Tensor sequence, finalH, finalC; ///< the sequence is empty when nobody wants it
};

std::vector<double> initialState(const Tensor &given, std::int64_t offset, std::int64_t hidden) {
    if (given.empty())
        return std::vector<double>(static_cast<std::size_t>(hidden), 0.0);
    const double *first = given.values<double>().data() + offset;
    return std::vector<double>(first, first + hidden);
}

/// One sequence of the batch in one direction. Steps beyond its length stay 0.
void runSequence(const RecurrentPlan &plan, const RecurrentCell &cell, bool reverse, std::int64_t direction,
                 std::int64_t n, RecurrentTensors &t, const RunContext &ctx) {
    const std::int64_t stateOffset = plan.stateOffset(direction, n);
    RecurrentCell::State state;
    state.h = initialState(t.initialH, stateOffset, plan.hidden);
    state.c = initialState(t.initialC, stateOffset, plan.hidden);
    const std::int64_t length = plan.lengths.empty() ? plan.steps : plan.lengths[static_cast<std::size_t>(n)];
    for (std::int64_t i = 0; i < length && !ctx.cancelled(); ++i) {
        const std::int64_t step = reverse ? length - 1 - i : i;
        cell.step(t.x.values<double>().data() + plan.inputOffset(step, n), state);
        if (!t.sequence.empty())
            std::ranges::copy(state.h, t.sequence.mutableValues<double>().data() +
                                           plan.outputOffset(step, direction, n));
    }
    std::ranges::copy(state.h, t.finalH.mutableValues<double>().data() + stateOffset);
    std::ranges::copy(state.c, t.finalC.mutableValues<double>().data() + stateOffset);
}

Result<RecurrentTensors> prepareTensors(const KernelCall &call, const RecurrentForm &form,
                                        const RecurrentPlan &plan) {
    RecurrentTensors t;
    QS_TRY(t.x, castTensor(call[kX], DType::Float64));
    if (call.has(kInitialH)) {
        QS_TRY(t.initialH, castTensor(call[kInitialH], DType::Float64));
    }
    if (call.has(kInitialC)) {
        QS_TRY(t.initialC, castTensor(call[kInitialC], DType::Float64));
    }
    QS_TRY(t.finalH, call.allocate(DType::Float64, plan.stateShape()));
    QS_TRY(t.finalC, call.allocate(DType::Float64, plan.stateShape()));
    if (form.wantsSequence) {
        QS_TRY(t.sequence, call.allocate(DType::Float64, plan.sequenceShape()));
        std::ranges::fill(t.sequence.mutableValues<double>(), 0.0);
    }
    return t;
}

Outputs runRecurrent(const KernelCall &call, const RecurrentForm &form) {
    QS_TRY(const RecurrentPlan plan, planRecurrent(call, form));
    QS_TRY(RecurrentTensors tensors, prepareTensors(call, form, plan));
    std::vector<RecurrentCell> cells;
    for (std::int64_t direction = 0; direction < plan.directions; ++direction) {
        QS_TRY(RecurrentCell cell, makeCell(call, form, plan, direction));
        cells.push_back(std::move(cell));
    }
    QS_CHECK_OK(parallelFor(plan.directions * plan.batch, 1, call.ctx, [&](auto begin, auto end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t direction = i / plan.batch;
            runSequence(plan, cells[static_cast<std::size_t>(direction)], form.reverse || direction == 1,
                        direction, i % plan.batch, tensors, call.ctx);
        }
    }));
    std::vector<Tensor> outputs{tensors.sequence, tensors.finalH, tensors.finalC};
    for (Tensor &output : outputs)
        if (!output.empty()) {
            QS_TRY(output, castTensor(output, call[kX].dtype()));
        }
    return outputs;
}

Status readDirection(NodeReader &reader, RecurrentForm &form) {
    const std::string direction = reader.stringAttribute("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
        return fail(ErrorCode::Unsupported, "direction='" + direction + "'");
    form.directions = direction == "bidirectional" ? 2 : 1;
    form.reverse = direction == "reverse";
    return {};
}

Status readActivations(NodeReader &reader, RecurrentForm &form, std::vector<std::string> names) {
    if (form.directions == 2) {
        const std::vector<std::string> once = names;
        names.insert(names.end(), once.begin(), once.end());
    }
    if (const auto given = reader.stringsAttribute("activations"); given && !given->empty()) {
        if (given->size() != names.size())
            return fail(ErrorCode::Unsupported,
                        fmt::format("{} activations; needs {}", given->size(), names.size()));
        names = *given;
    }
    QS_TRY(form.activations,
           recurrentActivations(names,
                                reader.floatsAttribute("activation_alpha").value_or(std::vector<double>{}),
                                reader.floatsAttribute("activation_beta").value_or(std::vector<double>{})));
    return {};
}

template <CellKind Kind>
Result<Kernel> recurrent(NodeReader &reader) {
    RecurrentForm form;
    form.cell.kind = Kind;
    QS_CHECK_OK(readDirection(reader, form));
    QS_CHECK_OK(readActivations(reader, form,
                                Kind == CellKind::Rnn ? std::vector<std::string>{"Tanh"}
                                : Kind == CellKind::Gru
                                    ? std::vector<std::string>{"Sigmoid", "Tanh"}
                                    : std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}));
    if (reader.hasAttribute("clip"))
        form.cell.clip = reader.floatAttribute("clip", 0);
    form.cell.hidden = reader.intAttribute("hidden_size", 0);
    if (!(form.cell.clip > 0) || form.cell.hidden < 0 || form.cell.hidden > kLargestHidden)
        return fail(ErrorCode::Unsupported, "a clip or a hidden_size out of range");
    if (Kind == CellKind::Lstm)
        form.cell.coupledForget = reader.flag("input_forget", false);
    if (Kind == CellKind::Gru)
        form.cell.linearBeforeReset = reader.flag("linear_before_reset", false);
    form.batchFirst = reader.opset() >= 14 && reader.flag("layout", false);
    form.wantsSequence = reader.hasOutput(0);
    return Kernel([form](KernelCall &call) { return runRecurrent(call, form); });
}

constexpr KernelEntry kEntries[] = {
    {"RNN", 7, recurrent<CellKind::Rnn>},
    {"GRU", 7, recurrent<CellKind::Gru>},
    {"LSTM", 7, recurrent<CellKind::Lstm>},
};

} // namespace

KernelFamily recurrentKernels() {
    return kEntries;
}

} // namespace qs
