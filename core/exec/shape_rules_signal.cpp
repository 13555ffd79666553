#include "core/exec/shape_rules.h"

#include <algorithm>
#include <limits>

namespace qs {
namespace {

using Shapes = Result<std::vector<Shape>>;

tl::unexpected<Error> misfit(const std::string &what) {
    return fail(ErrorCode::InvalidArgument, what);
}

/// The one integer of an operand. \error Unsupported  it depends on what the inputs hold
Result<std::int64_t> integerOf(const ShapeQuery &query, std::size_t index) {
    QS_TRY(const auto values, query.integers(index));
    if (values.size() != 1)
        return misfit("one number is needed");
    return values[0];
}

/// Y, Y_h and Y_c of RNN, GRU and LSTM.
Shapes recurrent(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(2) || query.shape(0).rank() != 3 || query.shape(2).rank() != 3)
        return misfit("X and R must have three axes");
    const bool batchFirst = query.node.intAttribute("layout", 0) != 0;
    const Shape &x = query.shape(0);
    const std::int64_t directions = query.shape(2)[0], hidden = query.shape(2)[2];
    const std::int64_t steps = x[batchFirst ? 1 : 0], batch = x[batchFirst ? 0 : 1];
    const Shape state = batchFirst ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
    return std::vector<Shape>{batchFirst ? Shape{batch, steps, directions, hidden}
                                         : Shape{steps, directions, batch, hidden},
                              state, state};
}

Shapes dft(const ShapeQuery &query) {
    if (!query.has(0) || query.shape(0).rank() < 2)
        return misfit("the signal needs an axis of samples and one of parts");
    Shape shape = query.shape(0);
    const bool axisIsInput = query.graph.opset("") >= 20;
    std::int64_t given = axisIsInput ? -2 : query.node.intAttribute("axis", 1);
    if (axisIsInput && query.has(2)) {
        QS_TRY(given, integerOf(query, 2));
    }
    QS_TRY(const int axis, normalizeAxis(given, shape.rank()));
    if (query.has(1)) {
        QS_TRY(shape[axis], integerOf(query, 1));
    }
    if (query.node.intAttribute("onesided", 0) != 0)
        shape[axis] = shape[axis] / 2 + 1;
    shape[shape.rank() - 1] = 2;
    return std::vector<Shape>{std::move(shape)};
}

Shapes stft(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1) || query.shape(0).rank() != 3)
        return misfit("the signal must have three axes");
    QS_TRY(const std::int64_t step, integerOf(query, 1));
    std::int64_t length = query.has(2) && query.shape(2).rank() == 1 ? query.shape(2)[0] : 0;
    if (query.has(3)) {
        QS_TRY(length, integerOf(query, 3));
    }
    const std::int64_t samples = query.shape(0)[1];
    if (step < 1 || length < 1 || length > samples)
        return misfit("frames do not fit the signal");
    const std::int64_t bins = query.node.intAttribute("onesided", 1) != 0 ? length / 2 + 1 : length;
    return std::vector<Shape>{Shape{query.shape(0)[0], (samples - length) / step + 1, bins, 2}};
}

Shapes tfIdf(const ShapeQuery &query) {
    const std::vector<std::int64_t> columns = query.node.intsAttribute("ngram_indexes");
    if (!query.has(0) || query.shape(0).rank() < 1 || columns.empty())
        return misfit("no sequence or no n-grams");
    const std::int64_t width = std::ranges::max(columns);
    if (width < 0 || width == std::numeric_limits<std::int64_t>::max())
        return misfit("ngram_indexes out of range");
    Shape shape = query.shape(0);
    shape[shape.rank() - 1] = width + 1;
    return std::vector<Shape>{std::move(shape)};
}

constexpr ShapeRuleEntry kRules[] = {
    {"RNN", recurrent}, {"GRU", recurrent}, {"LSTM", recurrent},
    {"DFT", dft},       {"STFT", stft},     {"TfIdfVectorizer", tfIdf},
};

} // namespace

std::span<const ShapeRuleEntry> signalShapeRules() {
    return kRules;
}

} // namespace qs
