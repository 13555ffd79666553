#include "core/exec/control_flow.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/subgraph.h"

#include <numeric>

namespace qs {
namespace {

using Ints = std::vector<std::int64_t>;

/// Entry `index` of a tensor along an axis, without that axis.
Result<Tensor> takeEntry(const KernelCall &call, const Tensor &tensor, int axis, std::int64_t index) {
    QS_TRY(const Tensor entry, copySlices(call, tensor, axis, std::span(&index, 1)));
    Ints dims = entry.shape().dims();
    dims.erase(dims.begin() + axis);
    return entry.reshaped(Shape(std::move(dims)));
}

Result<Tensor> reversed(const KernelCall &call, const Tensor &rows) {
    Ints order(static_cast<std::size_t>(rows.shape()[0]));
    std::iota(order.rbegin(), order.rend(), 0);
    return copySlices(call, rows, 0, order);
}

/// Axis 0 moved to a place.
Result<Tensor> withFirstAxisAt(const KernelCall &call, const Tensor &rows, std::int64_t place) {
    QS_TRY(const int axis, normalizeAxis(place, rows.shape().rank()));
    if (axis == 0)
        return rows;
    Ints dims = rows.shape().dims(), strides = rows.shape().strides();
    std::rotate(dims.begin(), dims.begin() + 1, dims.begin() + axis + 1);
    std::rotate(strides.begin(), strides.begin() + 1, strides.begin() + axis + 1);
    QS_TRY(auto moved, copyStrided(call, rows, 0, Shape(std::move(dims)), strides));
    return std::move(moved[0]);
}

/// A body that runs once per entry of its scanned operands.
struct Scan {
    Subgraph body;
    std::size_t states = 0, scanned = 0, stacked = 0; ///< carried values, operands cut up, outputs joined
    Ints inputAxes, inputBackwards, outputAxes, outputBackwards;

    /// \param operands  states, then what is scanned
    Outputs run(const KernelCall &call, std::vector<Tensor> operands) const {
        std::vector<Tensor> carried(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(states));
        const std::span<const Tensor> sources = std::span(operands).subspan(states);
        QS_TRY(const std::vector<int> axes, axesOf(sources));
        const std::int64_t length = sources[0].shape()[axes[0]];
        RoundStacks stacks(stacked, call);
        for (std::int64_t round = 0; round < length; ++round) {
            if (call.ctx.cancelled())
                return RunContext::cancelledError();
            std::vector<Tensor> inputs = std::move(carried);
            for (std::size_t i = 0; i < scanned; ++i) {
                const std::int64_t at = inputBackwards[i] ? length - 1 - round : round;
                QS_TRY(Tensor entry, takeEntry(call, sources[i], axes[i], at));
                inputs.push_back(std::move(entry));
            }
            QS_TRY(const std::vector<Tensor> yielded, body.run(std::move(inputs), call));
            const auto end = yielded.begin() + static_cast<std::ptrdiff_t>(states);
            carried.assign(yielded.begin(), end);
            for (std::size_t i = 0; i < stacked; ++i)
                QS_CHECK_OK(stacks.add(i, yielded[states + i]));
        }
        return join(call, std::move(carried), stacks);
    }

private:
    /// The scanned axes. \error InvalidArgument  out of range, or of different length
    Result<std::vector<int>> axesOf(std::span<const Tensor> sources) const {
        std::vector<int> axes;
        for (std::size_t i = 0; i < sources.size(); ++i) {
            QS_TRY(const int axis, normalizeAxis(inputAxes[i], sources[i].shape().rank()));
            axes.push_back(axis);
            if (sources[i].shape()[axis] != sources[0].shape()[axes[0]])
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("scanned operands of {} and {} entries", sources[0].shape()[axes[0]],
                                        sources[i].shape()[axis]));
        }
        return axes;
    }

    Outputs join(const KernelCall &call, std::vector<Tensor> outputs, const RoundStacks &stacks) const {
        for (std::size_t i = 0; i < stacked; ++i) {
            QS_TRY(Tensor rows, stacks.take(i, body.output(states + i)));
            if (outputBackwards[i]) {
                QS_TRY(rows, reversed(call, rows));
            }
            QS_TRY(rows, withFirstAxisAt(call, rows, outputAxes[i]));
            outputs.push_back(std::move(rows));
        }
        return outputs;
    }
};

/// One number per operand: as given, or all 0.
Result<Ints> perOperand(NodeReader &reader, const char *attribute, std::size_t count, bool isFlag) {
    Ints values = reader.intsAttribute(attribute).value_or(Ints(count, 0));
    const bool fits =
        values.size() == count &&
        (!isFlag || std::all_of(values.begin(), values.end(), [](auto v) { return v == 0 || v == 1; }));
    if (!fits)
        return fail(ErrorCode::Unsupported, fmt::format("{} does not fit the operands", attribute));
    return values;
}

/// \param first  the input of the node that is the first state
Result<Scan> readScan(NodeReader &reader, std::size_t first, const char *directions,
                      const SubgraphReader &subgraphs) {
    QS_TRY(Subgraph body, subgraphs.read("body"));
    const std::int64_t scanned = reader.intAttribute("num_scan_inputs", 0);
    const std::size_t inputs = reader.inputCount() - std::min(first, reader.inputCount());
    const std::size_t outputs = reader.node().outputs.size();
    if (scanned < 1 || static_cast<std::size_t>(scanned) > inputs || body.inputCount() != inputs)
        return fail(ErrorCode::Unsupported, fmt::format("num_scan_inputs={} for {} operands and a body of {}",
                                                        scanned, inputs, body.inputCount()));
    Scan scan{std::move(body),
              inputs - static_cast<std::size_t>(scanned),
              static_cast<std::size_t>(scanned),
              0,
              {},
              {},
              {},
              {}};
    if (scan.body.outputCount() < std::max(scan.states, outputs))
        return fail(ErrorCode::Unsupported, fmt::format("a body of {} outputs", scan.body.outputCount()));
    for (std::size_t i = first; i < reader.inputCount(); ++i)
        if (!reader.hasInput(i))
            return fail(ErrorCode::Unsupported, fmt::format("input {} is missing", i));
    scan.stacked = scan.body.outputCount() - scan.states;
    QS_TRY(scan.inputAxes, perOperand(reader, "scan_input_axes", scan.scanned, false));
    QS_TRY(scan.outputAxes, perOperand(reader, "scan_output_axes", scan.stacked, false));
    QS_TRY(scan.inputBackwards, perOperand(reader, directions, scan.scanned, true));
    QS_TRY(scan.outputBackwards, perOperand(reader, "scan_output_directions", scan.stacked, true));
    return scan;
}

/// Every entry of the batch by itself; operand 0 would tell the lengths of the sequences.
Outputs runBatched(const Scan &scan, const KernelCall &call) {
    const std::span<const Tensor> operands = call.inputs.subspan(1, scan.states + scan.scanned);
    const std::int64_t batch = operands[0].shape().rank() > 0 ? operands[0].shape()[0] : 0;
    for (const Tensor &operand : operands)
        if (batch == 0 || operand.shape().rank() < 1 || operand.shape()[0] != batch)
            return fail(ErrorCode::InvalidArgument, "operands need one and the same batch of at least 1");
    RoundStacks stacks(scan.states + scan.stacked, call);
    for (std::int64_t entry = 0; entry < batch; ++entry) {
        std::vector<Tensor> own;
        for (const Tensor &operand : operands) {
            QS_TRY(Tensor part, takeEntry(call, operand, 0, entry));
            own.push_back(std::move(part));
        }
        QS_TRY(const std::vector<Tensor> outputs, scan.run(call, std::move(own)));
        for (std::size_t i = 0; i < outputs.size(); ++i)
            QS_CHECK_OK(stacks.add(i, outputs[i]));
    }
    std::vector<Tensor> joined;
    for (std::size_t i = 0; i < scan.states + scan.stacked; ++i) {
        QS_TRY(Tensor rows, stacks.take(i, scan.body.output(i)));
        joined.push_back(std::move(rows));
    }
    return joined;
}

} // namespace

Result<Kernel> makeScan(NodeReader &reader, const SubgraphReader &subgraphs) {
    QS_TRY(const Scan scan, readScan(reader, 0, "scan_input_directions", subgraphs));
    return Kernel([scan](KernelCall &call) -> Outputs {
        const auto end = call.inputs.begin() + static_cast<std::ptrdiff_t>(scan.states + scan.scanned);
        return scan.run(call, {call.inputs.begin(), end});
    });
}

Result<Kernel> makeBatchedScan(NodeReader &reader, const SubgraphReader &subgraphs) {
    if (reader.hasInput(0))
        return fail(ErrorCode::Unsupported, "lengths of sequences");
    QS_TRY(const Scan scan, readScan(reader, 1, "directions", subgraphs));
    return Kernel([scan](KernelCall &call) { return runBatched(scan, call); });
}

} // namespace qs
