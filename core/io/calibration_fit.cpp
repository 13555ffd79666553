#include "core/io/calibration_set.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

// Whether a calibration set can feed a model, and feeding it.

namespace qs {
namespace {

/// "float32 [batch, 3, 32, 32]" as a graph declares it.
std::string declaredText(const Value &value) {
    std::string dims;
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
        const std::string &name = value.dimNames[static_cast<std::size_t>(axis)];
        const std::string size = value.shape[axis] >= 0 ? std::to_string(value.shape[axis])
                                 : name.empty()         ? "?"
                                                        : name;
        dims += (axis ? ", " : "") + size;
    }
    return fmt::format("{} {}", dtypeName(value.dtype), value.hasShape ? "[" + dims + "]" : "of any shape");
}

std::string foundText(const CalibrationSet::Input &input, std::int64_t samples) {
    std::vector<std::int64_t> dims{samples};
    dims.insert(dims.end(), input.sampleShape.begin(), input.sampleShape.end());
    return fmt::format("{} {}", dtypeName(input.dtype), Shape(std::move(dims)).text());
}

bool isInteger(DType type) {
    switch (type) {
    case DType::Int8:
    case DType::Int16:
    case DType::Int32:
    case DType::Int64:
    case DType::UInt8:
    case DType::UInt16:
    case DType::UInt32:
    case DType::UInt64:
    case DType::Bool:
        return true;
    default:
        return false;
    }
}

/// Any number can become a float; what the model reads as integers must be integers already.
bool converts(DType from, DType to) {
    if (from == to || to == DType::Undefined)
        return true;
    return isFloatingPoint(to) ? isFloatingPoint(from) || isInteger(from) : isInteger(to) && isInteger(from);
}

/// Whether a sample is a whole input of the model, not a row of a batch.
bool isWhole(const Shape &sample, const Value &value) {
    return value.hasShape && value.shape.rank() == sample.rank();
}

bool shapeFits(const Shape &sample, const Value &value) {
    if (!value.hasShape)
        return true;
    const int batchAxes = isWhole(sample, value) ? 0 : 1;
    if (value.shape.rank() != sample.rank() + batchAxes)
        return false;
    for (int axis = 0; axis < sample.rank(); ++axis)
        if (const std::int64_t wanted = value.shape[axis + batchAxes]; wanted >= 0 && wanted != sample[axis])
            return false;
    return true;
}

const CalibrationSet::Input *findInput(const CalibrationSet &set, const Value &value) {
    const auto found = std::ranges::find(set.inputs(), value.name, &CalibrationSet::Input::name);
    return found == set.inputs().end() ? nullptr : &*found;
}

/// What a model and a set say about batches.
struct BatchRule {
    std::int64_t fixed = 0; ///< size that the model fixes; 0 = open
    bool whole = false;     ///< a sample is a whole input, one is run at a time
    std::string conflict;   ///< why no batch fits; empty = one does
};

BatchRule batchRule(const CalibrationSet &set, const ModelGraph &graph) {
    BatchRule rule;
    const Value *fixing = nullptr, *whole = nullptr;
    for (const ValueId id : graph.inputs()) {
        const Value &value = graph.value(id);
        const CalibrationSet::Input *input = findInput(set, value);
        if (input && isWhole(input->sampleShape, value)) {
            whole = &value;
            continue;
        }
        if (!value.hasShape || value.shape.rank() == 0 || value.shape[0] <= 0)
            continue;
        if (fixing && fixing->shape[0] != value.shape[0])
            rule.conflict = fmt::format(
                "the first axes of the inputs '{}' {} and '{}' {} count no samples: write whole inputs, "
                "one for each sample, along an axis of their own before these",
                fixing->name, declaredText(*fixing), value.name, declaredText(value));
        fixing = fixing ? fixing : &value;
    }
    rule.fixed = fixing ? fixing->shape[0] : whole ? 1 : 0;
    rule.whole = whole != nullptr;
    if (rule.conflict.empty() && whole && rule.fixed > 1)
        rule.conflict = fmt::format("the model reads {} rows of '{}' together with one '{}': write whole "
                                    "inputs of both, one for each sample",
                                    rule.fixed, fixing->name, whole->name);
    if (rule.conflict.empty() && rule.fixed > set.samples())
        rule.conflict = fmt::format("the model runs exactly {} samples at a time, the file has {}",
                                    rule.fixed, set.samples());
    return rule;
}

/// Empty when the input gets what it needs.
std::string misfit(const CalibrationSet &set, const Value &value) {
    const CalibrationSet::Input *found = findInput(set, value);
    if (!found) {
        std::string names;
        for (const CalibrationSet::Input &input : set.inputs())
            names += fmt::format("{}'{}' {}", names.empty() ? "" : ", ", input.name,
                                 foundText(input, set.samples()));
        return fmt::format(
            "the model's input '{}' needs {}, but the file has no data set of that name; it has {}",
            value.name, declaredText(value), names);
    }
    const bool shape = shapeFits(found->sampleShape, value);
    const bool type = converts(found->dtype, value.dtype);
    if (shape && type)
        return {};
    return fmt::format("the model's input '{}' needs {}, but the file has {}: the {} not fit", value.name,
                       declaredText(value), foundText(*found, set.samples()),
                       !shape && !type ? "shape and the type do"
                       : shape         ? "type does"
                                       : "shape does");
}

/// The range of an integer type that a narrower declaration can hold.
Status checkIntegerRange(const Tensor &tensor, DType type, const std::string &name) {
    if (!isInteger(tensor.dtype()) || !isInteger(type) || type == DType::Bool || tensor.dtype() == type)
        return {};
    const bool isSigned =
        type == DType::Int8 || type == DType::Int16 || type == DType::Int32 || type == DType::Int64;
    const int bits = dtypeBits(type);
    // What uint64 holds beyond int64 has wrapped to negative numbers in the vector.
    const std::int64_t low = !isSigned || tensor.dtype() == DType::UInt64
                                 ? 0
                                 : std::numeric_limits<std::int64_t>::min() >> (64 - bits);
    const std::int64_t high = bits == 64 ? std::numeric_limits<std::int64_t>::max()
                                         : (std::int64_t(1) << (bits - (isSigned ? 1 : 0))) - 1;
    QS_TRY(const std::vector<std::int64_t> values, toInt64Vector(tensor));
    for (const std::int64_t value : values)
        if (value < low || value > high)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the value {} does not fit the model's {}", value, dtypeName(type)),
                        name);
    return {};
}

/// Samples of a dataset as the model's input takes them.
Result<Tensor> modelInput(const Tensor &samples, const Value &value) {
    Tensor input = samples;
    if (Shape sample(std::vector<std::int64_t>(samples.shape().begin() + 1, samples.shape().end()));
        isWhole(sample, value)) {
        if (samples.shape()[0] != 1)
            return fail(ErrorCode::InvalidArgument,
                        "a sample is a whole input; the model takes one at a time", value.name);
        input = samples.reshaped(std::move(sample));
    }
    if (value.dtype == DType::Undefined || value.dtype == input.dtype())
        return input;
    QS_CHECK_OK(checkIntegerRange(input, value.dtype, value.name));
    auto cast = castTensor(input, value.dtype);
    if (!cast)
        return fail(std::move(cast).error().withContext(value.name));
    return cast;
}

} // namespace

SampleBatches planBatches(const CalibrationSet &set, const ModelGraph &graph, std::int64_t maxSamples,
                          std::int64_t wanted) {
    const BatchRule rule = batchRule(set, graph);
    SampleBatches batches;
    batches.samples = maxSamples > 0 ? std::min(maxSamples, set.samples()) : set.samples();
    batches.size = rule.whole ? 1 : rule.fixed > 0 ? rule.fixed : std::max<std::int64_t>(1, wanted);
    if (rule.fixed > 1) // what is left over fills no batch
        batches.samples = std::max(rule.fixed, batches.samples - batches.samples % rule.fixed);
    return batches;
}

void tellUnused(const CalibrationSet &set, const ModelGraph &graph, FindingList &findings) {
    const SampleBatches batches = planBatches(set, graph, 0, 1);
    if (batches.samples < set.samples())
        findings.add(
            Severity::Warning,
            fmt::format("the last {} of {} samples are left out: the model runs exactly {} at a time",
                        set.samples() - batches.samples, set.samples(), batches.size),
            set.file().filename().string(),
            "Give it a whole number of batches, or export the model with a dynamic batch axis.");
}

std::vector<Shape> inputShapes(const CalibrationSet &set, const ModelGraph &graph, std::int64_t batch) {
    std::vector<Shape> shapes;
    for (const ValueId id : graph.inputs()) {
        const Value &value = graph.value(id);
        const Shape &sample = findInput(set, value)->sampleShape;
        std::vector<std::int64_t> dims = sample.dims();
        if (!isWhole(sample, value))
            dims.insert(dims.begin(), batch);
        shapes.emplace_back(std::move(dims));
    }
    return shapes;
}

Status checkFits(const CalibrationSet &set, const ModelGraph &graph) {
    std::string problems;
    for (const ValueId id : graph.inputs())
        if (const std::string problem = misfit(set, graph.value(id)); !problem.empty())
            problems += (problems.empty() ? "" : "; ") + problem;
    if (problems.empty())
        problems = batchRule(set, graph).conflict;
    if (problems.empty())
        return {};
    return fail(ErrorCode::InvalidArgument,
                problems + ". Choose the data that belongs to this model, or write it again",
                set.file().filename().string());
}

Result<std::vector<Tensor>> readModelInputs(const CalibrationSet &set, const ModelGraph &graph,
                                            std::int64_t begin, std::int64_t end) {
    QS_TRY(const auto tensors, set.read(begin, end));
    std::vector<Tensor> inputs;
    for (const ValueId id : graph.inputs()) {
        const Value &value = graph.value(id);
        const auto found = tensors.find(value.name);
        if (found == tensors.end())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("there is no data for the model's input '{}'", value.name),
                        set.file().filename().string());
        QS_TRY(Tensor input, modelInput(found->second, value));
        inputs.push_back(std::move(input));
    }
    return inputs;
}

} // namespace qs
