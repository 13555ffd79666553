#include "core/quant/accepted_scheme.h"

#include <algorithm>

namespace qs {
namespace {

constexpr GridConvention kConventions[] = {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                           GridConvention::SymmetricRestricted,
                                           GridConvention::SymmetricFull};
constexpr std::int64_t kGroupSizes[] = {128, 64, 32, 16, 256};

struct Candidate {
    WeightGridScheme scheme;
    int changes = 0; ///< bits weigh most: they are what a study is about
};

/// The ways to share scales, as near to the wished one as is asked for.
std::vector<Candidate> granularities(const Candidate &base, const AskedScheme &asked) {
    std::vector<Candidate> found{base};
    const auto add = [&](Granularity granularity, std::int64_t groupSize, int changes) {
        Candidate other = base;
        other.scheme.granularity = granularity;
        other.scheme.groupSize = groupSize;
        other.changes += changes;
        found.push_back(other);
    };
    const WeightGridScheme &wished = base.scheme;
    const bool mayGroup = wished.granularity == Granularity::PerGroup || !asked.granularity;
    if (mayGroup && asked.groupSize)
        add(Granularity::PerGroup, wished.groupSize, 2);
    else if (mayGroup)
        for (const std::int64_t size : kGroupSizes)
            add(Granularity::PerGroup, size, wished.granularity == Granularity::PerGroup ? 1 : 2);
    if (!asked.granularity) {
        add(Granularity::PerChannel, wished.groupSize, 2);
        add(Granularity::PerTensor, wished.groupSize, 3);
    }
    return found;
}

std::vector<Candidate> candidates(const WeightGridScheme &wished, const AskedScheme &asked) {
    std::vector<Candidate> all;
    for (int bits = 8; bits >= 1; --bits)
        for (const GridConvention convention : kConventions)
            for (const bool float16 : {wished.scaleAsFloat16, false}) {
                Candidate base{wished};
                base.scheme.grid.bits = bits;
                base.scheme.grid.convention = convention;
                base.scheme.scaleAsFloat16 = float16;
                const bool otherBits = bits != wished.grid.bits,
                           otherConvention = convention != wished.grid.convention,
                           otherScale = float16 != wished.scaleAsFloat16;
                if ((asked.bits && otherBits) || (asked.convention && otherConvention) ||
                    (asked.scaleAsFloat16 && otherScale))
                    continue;
                base.changes = 4 * otherBits + otherConvention + otherScale;
                std::ranges::move(granularities(base, asked), std::back_inserter(all));
            }
    std::ranges::stable_sort(all, {}, &Candidate::changes);
    return all;
}

} // namespace

std::optional<WeightGridScheme> acceptedScheme(const Quantizer &method, const nlohmann::json &parameters,
                                               const WeightGridScheme &wished,
                                               std::span<const WeightExtent> weights,
                                               const AskedScheme &asked) {
    QuantizeRequest request;
    request.parameters = parameters;
    for (const Candidate &candidate : candidates(wished, asked)) {
        request.scheme = candidate.scheme;
        for (const WeightExtent &weight : weights) {
            request.weights = {nullptr, weight.rows, weight.cols};
            request.groups = weight.groups;
            if (method.supports(request).yes)
                return candidate.scheme;
        }
    }
    return std::nullopt;
}

} // namespace qs
