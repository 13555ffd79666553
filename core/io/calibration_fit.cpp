#include "core/io/calibration_set.h"

#include "core/tensor/convert.h"

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

bool shapeFits(const Shape &sample, const Value &value) {
    if (!value.hasShape)
        return true;
    if (value.shape.rank() != sample.rank() + 1)
        return false;
    for (int axis = 0; axis < sample.rank(); ++axis)
        if (const std::int64_t wanted = value.shape[axis + 1]; wanted >= 0 && wanted != sample[axis])
            return false;
    return true;
}

/// Empty when the input gets what it needs.
std::string misfit(const CalibrationSet &set, const Value &value) {
    const auto found =
        std::find_if(set.inputs().begin(), set.inputs().end(),
                     [&](const CalibrationSet::Input &input) { return input.name == value.name; });
    if (found == set.inputs().end()) {
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

} // namespace

Status checkFits(const CalibrationSet &set, const ModelGraph &graph) {
    std::string problems;
    for (const ValueId id : graph.inputs())
        if (const std::string problem = misfit(set, graph.value(id)); !problem.empty())
            problems += (problems.empty() ? "" : "; ") + problem;
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
        if (value.dtype == DType::Undefined || value.dtype == found->second.dtype()) {
            inputs.push_back(found->second);
            continue;
        }
        QS_CHECK_OK(checkIntegerRange(found->second, value.dtype, value.name));
        auto cast = castTensor(found->second, value.dtype);
        if (!cast)
            return fail(std::move(cast).error().withContext(value.name));
        inputs.push_back(std::move(*cast));
    }
    return inputs;
}

} // namespace qs
