#include "core/quant/range_search.h"

#include <cmath>
#include <limits>

namespace qs {
namespace {

/// Sums over the leading bins, so that the divergence of one candidate costs a step per level, not per bin.
class EntropySearch {
public:
    explicit EntropySearch(const std::vector<double> &counts)
        : m_mass(counts.size() + 1), m_occupied(counts.size() + 1), m_massLogMass(counts.size() + 1) {
        for (std::size_t bin = 0; bin < counts.size(); ++bin) {
            const double count = counts[bin];
            m_mass[bin + 1] = m_mass[bin] + count;
            m_occupied[bin + 1] = m_occupied[bin] + (count > 0);
            m_massLogMass[bin + 1] = m_massLogMass[bin] + (count > 0 ? count * std::log(count) : 0);
        }
    }
    double total() const { return m_mass.back(); }

    /// As entropyDivergence.
    double divergence(std::size_t bins, std::size_t levels) const {
        const double kept = m_mass[bins], tail = total() - kept;
        const double last = kept - m_mass[bins - 1];
        if (tail > 0 && last <= 0)
            return std::numeric_limits<double>::infinity();
        const double top = last + tail;
        const double entropy =
            (m_massLogMass[bins - 1] + (top > 0 ? top * std::log(top) : 0)) / total() - std::log(total());
        double cross = 0; // Σ P ln Q
        for (std::size_t level = 0; level < levels; ++level) {
            const std::size_t begin = (level * bins + levels - 1) / levels;
            const std::size_t end = ((level + 1) * bins + levels - 1) / levels;
            const double mass = m_mass[end] - m_mass[begin];
            if (m_occupied[end] == m_occupied[begin])
                continue;
            const double share = (end == bins ? mass + tail : mass) / total();
            cross += share * std::log(mass / (m_occupied[end] - m_occupied[begin]) / kept);
        }
        return entropy - cross;
    }

private:
    std::vector<double> m_mass, m_occupied, m_massLogMass;
};

} // namespace

double entropyDivergence(const std::vector<double> &counts, int bins, int levels) {
    return EntropySearch(counts).divergence(static_cast<std::size_t>(bins), static_cast<std::size_t>(levels));
}

int entropyClipBins(std::vector<double> counts, int levels) {
    if (counts.size() > 1)
        counts[0] = counts[1];
    const EntropySearch search(counts);
    std::size_t best = counts.size();
    double smallest = std::numeric_limits<double>::infinity();
    if (search.total() <= 0)
        return static_cast<int>(best);
    for (auto bins = static_cast<std::size_t>(levels); bins <= counts.size(); ++bins)
        if (const double kl = search.divergence(bins, static_cast<std::size_t>(levels)); kl <= smallest) {
            smallest = kl;
            best = bins;
        }
    return static_cast<int>(best);
}

} // namespace qs
