#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <map>

namespace qs {
namespace {

enum class TermWeighting { Frequency, Presence, WeightedFrequency };

/// A known n-gram: where it is counted, and what its count is multiplied by.
struct KnownNgram {
    std::int64_t column = 0;
    double weight = 1;
};

struct NgramForm {
    std::int64_t shortest = 1, longest = 1, skips = 0, columns = 0;
    TermWeighting weighting = TermWeighting::Frequency;
    std::map<std::vector<std::int64_t>, std::vector<KnownNgram>> pool;
};

Status readWeighting(NodeReader &reader, NgramForm &form) {
    const std::string mode = reader.stringAttribute("mode", "");
    if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
        return fail(ErrorCode::Unsupported, "mode='" + mode + "'");
    form.weighting = mode == "TF"    ? TermWeighting::Frequency
                     : mode == "IDF" ? TermWeighting::Presence
                                     : TermWeighting::WeightedFrequency;
    return {};
}

/// The pool holds all 1-grams, then all 2-grams, …; `starts` says where each collection begins.
Status readPool(NodeReader &reader, NgramForm &form) {
    const auto ints = [&](const char *name) {
        return reader.intsAttribute(name).value_or(std::vector<std::int64_t>{});
    };
    const auto pool = ints("pool_int64s"), starts = ints("ngram_counts"), columns = ints("ngram_indexes");
    const auto weights = reader.floatsAttribute("weights").value_or(std::vector<double>{});
    if (!weights.empty() && weights.size() != columns.size())
        return fail(ErrorCode::Unsupported, "weights must be as many as ngram_indexes");
    std::size_t ngram = 0;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto length = static_cast<std::int64_t>(i) + 1, size = static_cast<std::int64_t>(pool.size());
        const std::int64_t begin = starts[i], end = i + 1 < starts.size() ? starts[i + 1] : size;
        if (begin < 0 || end < begin || end > size || (end - begin) % length != 0)
            return fail(ErrorCode::Unsupported, "ngram_counts do not fit the pool");
        for (auto at = pool.begin() + begin; at != pool.begin() + end; at += length, ++ngram) {
            if (ngram >= columns.size() || columns[ngram] < 0 || columns[ngram] >= std::int64_t{1} << 40)
                return fail(ErrorCode::Unsupported, "ngram_indexes do not fit the pool");
            form.columns = std::max(form.columns, columns[ngram] + 1);
            form.pool[{at, at + length}].push_back({columns[ngram], weights.empty() ? 1 : weights[ngram]});
        }
    }
    if (ngram == 0 || ngram != columns.size())
        return fail(ErrorCode::Unsupported, "ngram_indexes do not fit the pool, which must hold integers");
    form.longest =
        std::min(form.longest, static_cast<std::int64_t>(starts.size())); // longer ones are unknown
    return {};
}

/// Counts every known n-gram whose elements are skip + 1 apart.
void countNgrams(const NgramForm &form, std::span<const std::int64_t> row, std::int64_t length,
                 std::int64_t skip, std::span<float> counts) {
    const auto size = static_cast<std::int64_t>(row.size());
    std::vector<std::int64_t> ngram(static_cast<std::size_t>(length));
    for (std::int64_t start = 0; start + (length - 1) * (skip + 1) < size; ++start) {
        for (std::int64_t i = 0; i < length; ++i)
            ngram[static_cast<std::size_t>(i)] = row[static_cast<std::size_t>(start + i * (skip + 1))];
        const auto found = form.pool.find(ngram);
        if (found == form.pool.end())
            continue;
        for (const KnownNgram &known : found->second) {
            float &count = counts[static_cast<std::size_t>(known.column)];
            const auto weight = static_cast<float>(known.weight);
            if (form.weighting == TermWeighting::Presence)
                count = weight;
            else
                count += form.weighting == TermWeighting::Frequency ? 1 : weight;
        }
    }
}

Outputs vectorize(const KernelCall &call, const NgramForm &form) {
    QS_CHECK_OK(requireInputs(call, 1));
    const Shape &shape = call[0].shape();
    if (shape.rank() < 1 || shape.rank() > 2)
        return fail(ErrorCode::InvalidArgument, fmt::format("sequences of shape {}", shape.text()));
    const std::int64_t rows = shape.rank() == 2 ? shape[0] : 1, length = shape[shape.rank() - 1];
    QS_TRY(const std::vector<std::int64_t> elements, toInt64Vector(call[0]));
    QS_TRY(Tensor result, call.allocate(DType::Float32,
                                        shape.rank() == 2 ? Shape{rows, form.columns} : Shape{form.columns}));
    const std::span<float> counts = result.mutableValues<float>();
    std::ranges::fill(counts, 0.0f);
    for (std::int64_t row = 0; row < rows && length > 0; ++row) {
        const std::span<const std::int64_t> line(elements.data() + row * length,
                                                 static_cast<std::size_t>(length));
        const std::span<float> dst(counts.data() + row * form.columns,
                                   static_cast<std::size_t>(form.columns));
        for (std::int64_t n = form.shortest; n <= std::min(form.longest, length); ++n)
            for (std::int64_t skip = 0; skip <= (n == 1 ? 0 : std::min(form.skips, length)); ++skip) {
                if (call.ctx.cancelled())
                    return RunContext::cancelledError();
                countNgrams(form, line, n, skip, dst);
            }
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> tfIdfVectorizer(NodeReader &reader) {
    NgramForm form;
    QS_CHECK_OK(readWeighting(reader, form));
    form.shortest = reader.intAttribute("min_gram_length", 0);
    form.longest = reader.intAttribute("max_gram_length", 0);
    form.skips = reader.intAttribute("max_skip_count", 0);
    if (form.shortest < 1 || form.longest < form.shortest || form.skips < 0)
        return fail(ErrorCode::Unsupported, "lengths or skips of n-grams out of range");
    QS_CHECK_OK(readPool(reader, form));
    return Kernel([form](KernelCall &call) { return vectorize(call, form); });
}

constexpr KernelEntry kEntries[] = {
    {"TfIdfVectorizer", 9, tfIdfVectorizer},
};

} // namespace

KernelFamily tfIdfKernels() {
    return kEntries;
}

} // namespace qs
