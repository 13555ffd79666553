#include "core/tensor/tensor_scan.h"

#include "core/base/parallel.h"
#include "core/tensor/convert.h"
#include "core/tensor/histogram.h"
#include "core/tensor/tensor_slice.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>

namespace qs {
namespace {

constexpr std::int64_t kBlock = 1 << 18; ///< values; as computeStats() cuts them
/// Blocks until the first early look and until one looks at the clock again.
constexpr std::int64_t kFirstRound = 16, kRound = 64;
constexpr std::int64_t kUnwatchedRound = 1 << 12; ///< 2^30 values: no count of a PatternTally overflows
constexpr std::int64_t kWorthALook =
    8 * kFirstRound; ///< smaller tensors are done before a look could be drawn
constexpr std::chrono::milliseconds kBetweenLooks{250};

bool isSixteenBitFloat(DType type) {
    return type == DType::Float16 || type == DType::BFloat16;
}

/// Elements [begin, end) as float32: a view where they are, else a copy.
Result<Tensor> floatsOf(const Tensor &tensor, std::int64_t begin, std::int64_t end) {
    return toFloat32(sliceOf(tensor, begin, end - begin));
}

/// \return -1 when there is none
std::int64_t firstNonFinite(std::span<const std::uint16_t> patterns, std::uint16_t infinity) {
    const auto found = std::ranges::find_if(
        patterns, [infinity](std::uint16_t pattern) { return (pattern & 0x7FFF) >= infinity; });
    return found == patterns.end() ? -1 : found - patterns.begin();
}

} // namespace

/// Reads blocks in rounds. Between two of them nothing runs, so that an early look sees whole blocks.
class TensorScan::Reader {
public:
    Reader(TensorScan &scan, const Early &early, const RunContext &ctx)
        : m_scan(scan), m_early(early), m_ctx(ctx), m_blocks((scan.total() + kBlock - 1) / kBlock),
          m_parts(scan.m_hasPatterns ? 0 : static_cast<std::size_t>(m_blocks)) {}

    Status read() {
        const bool isWatched = m_early && m_blocks >= kWorthALook;
        m_step = isWatched ? spreadingStep(m_blocks) : 1;
        m_countsCut = isWatched && !m_scan.m_hasPatterns;
        for (std::int64_t done = 0; done < m_blocks;) {
            const std::int64_t round = !isWatched ? kUnwatchedRound : done == 0 ? kFirstRound : kRound;
            const std::int64_t count = std::min(round, m_blocks - done);
            QS_CHECK_OK(readRound(done, count));
            done += count;
            for (const auto &tally : m_tallies)
                tally->drainInto(m_scan.m_patterns.counts());
            const auto now = std::chrono::steady_clock::now();
            if (done == m_blocks)
                collect(true);
            else if (isWatched && (done == kFirstRound || now - m_lastLook > kBetweenLooks)) {
                collect(false);
                m_early(m_scan);
                m_lastLook = now;
            }
        }
        if (m_ctx.cancelled())
            return RunContext::cancelledError();
        return {};
    }

private:
    using Tallies = std::vector<std::unique_ptr<PatternTally>>;

    /// Blocks i · step mod n are spread over the tensor however few of them were read: the step is near the
    /// golden section of n, and prime to it. \source Weyl sequences
    static std::int64_t spreadingStep(std::int64_t blocks) {
        auto step = static_cast<std::int64_t>(0.6180339887498949 * static_cast<double>(blocks));
        while (std::gcd(step, blocks) != 1)
            ++step;
        return step;
    }

    Status readRound(std::int64_t first, std::int64_t count) {
        std::atomic<bool> isReadable{true};
        QS_CHECK_OK(parallelFor(count, 1, m_ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) {
                const std::int64_t block = (first + i) * m_step % m_blocks;
                const std::int64_t from = block * kBlock, to = std::min(m_scan.total(), from + kBlock);
                const bool read =
                    m_scan.m_hasPatterns ? countPatterns(from, to) : readFloats(block, from, to);
                if (!read)
                    isReadable = false;
                m_seen += to - from;
                m_ctx.step(m_seen, m_scan.total(), "reading values");
            }
        }));
        if (!isReadable) // says why
            return floatsOf(m_scan.m_tensor, 0, std::min(kBlock, m_scan.total())).map([](const Tensor &) {});
        return {};
    }

    bool countPatterns(std::int64_t from, std::int64_t to) {
        auto tally = takeTally();
        tally->add(m_scan.m_tensor.values<std::uint16_t>().subspan(static_cast<std::size_t>(from),
                                                                   static_cast<std::size_t>(to - from)));
        giveBack(std::move(tally));
        return true;
    }

    bool readFloats(std::int64_t block, std::int64_t from, std::int64_t to) {
        const Result<Tensor> values = floatsOf(m_scan.m_tensor, from, to);
        if (!values)
            return false;
        const auto stats = computeStats(values->values<float>(), RunContext{{}, nullptr, 1});
        m_parts[static_cast<std::size_t>(block)] = *stats; // without a stop token nothing cancels it
        if (m_countsCut) {
            auto tally = takeTally();
            tally->addCut(values->values<float>());
            giveBack(std::move(tally));
        }
        return true;
    }

    std::unique_ptr<PatternTally> takeTally() {
        const std::scoped_lock lock(m_mutex);
        if (m_tallies.empty())
            return std::make_unique<PatternTally>();
        auto tally = std::move(m_tallies.back());
        m_tallies.pop_back();
        return tally;
    }

    void giveBack(std::unique_ptr<PatternTally> tally) {
        const std::scoped_lock lock(m_mutex);
        m_tallies.push_back(std::move(tally));
    }

    /// Brings what the scan says up to the blocks that were read.
    void collect(bool isLast) {
        m_scan.m_seen = m_seen;
        if (m_scan.m_hasPatterns) {
            m_scan.m_stats = m_scan.m_patterns.stats();
            if (isLast && m_scan.m_stats.nanCount + m_scan.m_stats.infCount > 0)
                m_scan.m_stats.firstNonFinite =
                    firstNonFinite(m_scan.m_tensor.values<std::uint16_t>(),
                                   m_scan.m_tensor.dtype() == DType::Float16 ? 0x7C00 : 0x7F80);
            return;
        }
        m_scan.m_stats = {};
        for (const TensorStats &part : m_parts)
            m_scan.m_stats.merge(part);
        if (!isLast)
            m_scan.m_stats.firstNonFinite = -1;
    }

    TensorScan &m_scan;
    const Early &m_early;
    const RunContext &m_ctx;
    const std::int64_t m_blocks;
    std::int64_t m_step = 1;
    bool m_countsCut = false;
    std::atomic<std::int64_t> m_seen{0};
    std::vector<TensorStats> m_parts; ///< by block, so that the order of reading does not matter
    std::mutex m_mutex;
    Tallies m_tallies; ///< those that no thread is using
    std::chrono::steady_clock::time_point m_lastLook{};
};

TensorScan::TensorScan(Tensor tensor)
    : m_tensor(std::move(tensor)), m_hasPatterns(isSixteenBitFloat(m_tensor.dtype())),
      m_patterns(m_hasPatterns ? m_tensor.dtype() : DType::BFloat16) {}

Result<TensorScan> TensorScan::read(Tensor tensor, const Early &early, const RunContext &ctx) {
    TensorScan scan(std::move(tensor));
    QS_CHECK_OK(Reader(scan, early, ctx).read());
    return scan;
}

Result<BinCounts> TensorScan::bins(double lo, double hi, int count, const RunContext &ctx) const {
    if (m_hasPatterns || !isComplete())
        return m_patterns.bins(lo, hi, count);
    Histogram result(lo, hi, count);
    std::mutex mutex;
    QS_CHECK_OK(parallelFor(total(), kBlock, ctx, [&](std::int64_t begin, std::int64_t end) {
        Histogram part(lo, hi, count);
        part.add(floatsOf(m_tensor, begin, end)->values<float>()); // was readable before
        // Integer sums do not depend on the order of the blocks.
        const std::scoped_lock lock(mutex);
        result.merge(part);
    }));
    return BinCounts{lo, hi, result.counts(), result.below(), result.above()};
}

} // namespace qs
