#include "core/plugin/quantizer_contract.h"

#include "core/base/random.h"

#include <chrono>
#include <fmt/format.h>
#include <limits>
#include <pthread.h>
#include <thread>
#include <time.h>

namespace qs {
namespace {

using Clock = std::chrono::steady_clock;

// Cancel must work within 50 ms of work; the rest is room for slow machines and for sanitizers.
constexpr double kCancelCpuSeconds = 0.2;
/// On a busy machine a call waits many times as long as it works; one that sleeps only waits.
constexpr double kWaitSeconds = 0.6, kWaitShare = 30;
constexpr double kLargestError8Bit =
    0.02; ///< |W - Q|_F / |W|_F; plain rounding of normal weights gives 0.008

double cpuSeconds(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Random weights and a Hessian of correlated inputs for every convolution group.
class Problem final : public LayerServices {
public:
    Problem(std::int64_t rows, std::int64_t cols, std::int64_t groups, std::uint64_t seed)
        : m_rows(rows), m_cols(cols), m_groups(groups), m_weights(static_cast<std::size_t>(rows * cols)) {
        Random random(seed);
        for (float &value : m_weights)
            value = static_cast<float>(random.normal());
        for (std::int64_t group = 0; group < groups; ++group)
            m_hessians.push_back(makeHessian(random));
    }

    QuantizeRequest request(const Quantizer &quantizer) {
        QuantizeRequest request;
        request.layerName = "contract";
        request.weights = {m_weights.data(), m_rows, m_cols};
        request.groups = m_groups;
        request.parameters = quantizer.schema().defaults();
        request.services = this;
        request.seed = 1;
        request.scheme = supportedScheme(quantizer, request).value_or(WeightGridScheme{});
        return request;
    }
    std::vector<float> &weights() { return m_weights; }
    std::int64_t cols() const { return m_cols; }

    /// Per channel with 8 bits, or fewer, down to 1, for methods that are made for few; groups for those that
    /// take nothing else.
    static std::optional<WeightGridScheme> supportedScheme(const Quantizer &quantizer,
                                                           QuantizeRequest request) {
        for (const std::int64_t groupSize : {0, 32, 16, 64, 256})
            for (const int bits : {8, 6, 5, 4, 3, 2, 1}) {
                request.scheme = WeightGridScheme{};
                request.scheme.grid.bits = bits;
                if (groupSize > 0) {
                    request.scheme.granularity = Granularity::PerGroup;
                    request.scheme.groupSize = groupSize;
                }
                if (quantizer.supports(request).yes)
                    return request.scheme;
            }
        return std::nullopt;
    }

    Result<MatrixView<const double>> hessian(std::int64_t group) override {
        return MatrixView<const double>{m_hessians[static_cast<std::size_t>(group)].data(), m_cols, m_cols};
    }

private:
    std::vector<double> makeHessian(Random &random) const {
        // Inputs share one strong direction, so that columns are correlated and the matrix is well
        // conditioned.
        const std::int64_t samples = 2 * m_cols;
        std::vector<double> hessian(static_cast<std::size_t>(m_cols * m_cols), 0.0);
        std::vector<double> input(static_cast<std::size_t>(m_cols));
        for (std::int64_t sample = 0; sample < samples; ++sample) {
            const double common = random.normal();
            for (double &value : input)
                value = common + random.normal();
            for (std::size_t i = 0; i < input.size(); ++i)
                for (std::size_t j = 0; j < input.size(); ++j)
                    hessian[i * input.size() + j] += 2.0 * input[i] * input[j] / static_cast<double>(samples);
        }
        return hessian;
    }

    std::int64_t m_rows, m_cols, m_groups;
    std::vector<float> m_weights;
    std::vector<std::vector<double>> m_hessians;
};

/// Runs the promises one after another and notes the broken ones.
class Tester {
public:
    explicit Tester(const Quantizer &quantizer) : m_quantizer(quantizer) {}

    ContractReport run() {
        checkDescription();
        checkSchemes();
        checkOwnScheme();
        checkConvolutionGroups();
        checkOddRows();
        checkDeterminism();
        checkNearness();
        checkNonFinite();
        checkMissingCalibration();
        checkCancelledBefore();
        checkCancelledDuring();
        return std::move(m_report);
    }

private:
    void expect(bool kept, const std::string &promise) {
        ++m_report.checks;
        if (!kept)
            m_report.broken.push_back(promise);
    }

    /// With as many columns as asked for, or with 256 where the method takes only whole blocks of so many.
    Problem problemOf(std::int64_t rows, std::int64_t cols, std::uint64_t seed) const {
        QuantizeRequest sizes;
        sizes.weights = {nullptr, rows, cols};
        sizes.parameters = m_quantizer.schema().defaults();
        return Problem(rows, Problem::supportedScheme(m_quantizer, sizes) ? cols : 256, 1, seed);
    }

    void checkOwnScheme() {
        Problem problem = problemOf(12, 40, 11);
        checkScheme(problem, problem.request(m_quantizer).scheme);
    }

    void checkDescription() {
        const MethodInfo &info = m_quantizer.info();
        const bool plainId = !info.id.empty() && std::all_of(info.id.begin(), info.id.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
        expect(plainId, fmt::format("the id '{}' must be lower-case letters, digits, '-' or '_'", info.id));
        expect(!info.name.empty() && !info.summary.empty(), "name and summary must not be empty");
        expect(!info.version.empty() && !info.origin.empty(), "version and origin must not be empty");
        auto completed = m_quantizer.schema().complete(nlohmann::json::object());
        expect(completed && *completed == m_quantizer.schema().defaults(),
               "the default parameters must be valid");
    }

    void checkScheme(Problem &problem, const WeightGridScheme &scheme) {
        QuantizeRequest request = problem.request(m_quantizer);
        request.scheme = scheme;
        const std::string name =
            fmt::format("{} bit, {}, per {}{}", scheme.grid.bits, gridConventionName(scheme.grid.convention),
                        granularityName(scheme.granularity), scheme.scaleAsFloat16 ? ", float16 scales" : "");
        if (const Support support = m_quantizer.supports(request); !support.yes) {
            expect(!support.reason.empty(), name + ": a refusal must give a reason");
            return;
        }
        const auto matrix = m_quantizer.quantize(request, RunContext{});
        if (!matrix) {
            expect(false, name + ": " + matrix.error().message);
            return;
        }
        const Status valid = matrix->validate();
        expect(valid.has_value(), name + ": " + (valid ? "" : valid.error().message));
        expect(matrix->rows == request.weights.rows && matrix->cols == request.weights.cols &&
                   matrix->bits == scheme.grid.bits && matrix->convention == scheme.grid.convention &&
                   matrix->layout.granularity == scheme.granularity,
               name + ": the result must have the size and scheme that was asked for");
    }

    void checkSchemes() {
        Problem problem(12, 40, 1, 11); // 40 columns are two groups of 16 and a shorter one
        for (int bits : {1, 2, 3, 4, 8})
            for (GridConvention convention :
                 {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                  GridConvention::SymmetricRestricted, GridConvention::SymmetricFull})
                for (Granularity granularity :
                     {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup}) {
                    WeightGridScheme scheme;
                    scheme.grid.bits = bits;
                    scheme.grid.convention = convention;
                    scheme.granularity = granularity;
                    scheme.groupSize = 16;
                    scheme.scaleAsFloat16 = bits == 4;
                    checkScheme(problem, scheme);
                }
    }

    void checkConvolutionGroups() {
        Problem problem(12, 9, 4, 12);
        for (Granularity granularity :
             {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup}) {
            WeightGridScheme scheme;
            scheme.grid.bits = 4;
            scheme.granularity = granularity;
            scheme.groupSize = 4;
            checkScheme(problem, scheme);
        }
    }

    /// A row of zeros, one constant row, a row of denormals, one of huge values.
    void checkOddRows() {
        Problem problem(4, 16, 1, 13);
        for (std::size_t col = 0; col < 16; ++col) {
            problem.weights()[col] = 0.0f;
            problem.weights()[16 + col] = -0.75f;
            problem.weights()[32 + col] = 1e-41f;
            problem.weights()[48 + col] *= 1e20f;
        }
        WeightGridScheme scheme;
        scheme.grid.bits = 4;
        checkScheme(problem, scheme);
        scheme.scaleAsFloat16 = true;
        checkScheme(problem, scheme);
    }

    void checkDeterminism() {
        Problem problem = problemOf(33, 24, 14);
        QuantizeRequest request = problem.request(m_quantizer);
        const int widest = request.scheme.grid.bits;
        request.scheme.grid.bits = 3;
        if (!m_quantizer.supports(request).yes)
            request.scheme.grid.bits = widest;
        RunContext oneThread;
        oneThread.maxThreads = 1;
        const auto first = m_quantizer.quantize(request, oneThread);
        const auto second = m_quantizer.quantize(request, RunContext{});
        expect(first && second && first->codes == second->codes && first->scales == second->scales &&
                   first->zeroPoints == second->zeroPoints &&
                   first->realZeroPoints == second->realZeroPoints && first->levels == second->levels &&
                   first->kept == second->kept && first->groupOfColumn == second->groupOfColumn,
               "two runs with the same seed, on one and on all threads, must give the same bytes");
    }

    void checkNearness() {
        Problem problem = problemOf(16, 32, 15);
        QuantizeRequest request = problem.request(m_quantizer);
        if (request.scheme.grid.bits != 8)
            return;
        const auto matrix = m_quantizer.quantize(request, RunContext{});
        if (!matrix) {
            expect(false, "8 bit: " + matrix.error().message);
            return;
        }
        const Tensor values = matrix->dequantize();
        double error = 0;
        double energy = 0;
        for (std::size_t i = 0; i < problem.weights().size(); ++i) {
            const double weight = problem.weights()[i];
            error += (weight - values.values<float>()[i]) * (weight - values.values<float>()[i]);
            energy += weight * weight;
        }
        const double relative = std::sqrt(error / energy);
        expect(
            relative < kLargestError8Bit,
            fmt::format("8-bit weights must stay near the original; the relative error is {:.3g}", relative));
    }

    void checkNonFinite() {
        for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            Problem problem = problemOf(6, 16, 16);
            problem.weights()[static_cast<std::size_t>(3 * problem.cols() + 5)] = bad;
            const auto matrix = m_quantizer.quantize(problem.request(m_quantizer), RunContext{});
            const bool named = !matrix && matrix.error().code == ErrorCode::InvalidArgument &&
                               matrix.error().message.find('3') != std::string::npos &&
                               matrix.error().message.find('5') != std::string::npos;
            expect(named, fmt::format("a weight that is {} must be refused with its row and column", bad));
        }
    }

    void checkMissingCalibration() {
        if (!m_quantizer.info().needsHessian)
            return;
        Problem problem(6, 16, 1, 17);
        QuantizeRequest request = problem.request(m_quantizer);
        request.services = nullptr;
        const auto matrix = m_quantizer.quantize(request, RunContext{});
        expect(!matrix && matrix.error().code == ErrorCode::NotFound,
               "without calibration a method that needs a Hessian must say NotFound");
    }

    void checkCancelledBefore() {
        Problem problem = problemOf(64, 64, 18);
        std::stop_source stop;
        stop.request_stop();
        const auto matrix = m_quantizer.quantize(problem.request(m_quantizer), RunContext{stop.get_token()});
        expect(!matrix && matrix.error().code == ErrorCode::Cancelled,
               "a cancelled call must return Cancelled");
    }

    void checkCancelledDuring() {
        Problem problem = problemOf(256, 256, 19);
        QuantizeRequest request = problem.request(m_quantizer);
        request.scheme.grid.rule.kind = RangeRule::Kind::Mse;
        std::stop_source stop;
        Clock::time_point stopped;
        double cpuStopped = 0;
        clockid_t cpu{};
        pthread_getcpuclockid(pthread_self(), &cpu);
        std::jthread canceller([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            stopped = Clock::now();
            cpuStopped = cpuSeconds(cpu);
            stop.request_stop();
        });
        const auto matrix = m_quantizer.quantize(request, RunContext{stop.get_token(), nullptr, 1});
        const auto returned = Clock::now();
        const double cpuReturned = cpuSeconds(cpu);
        canceller.join();
        // It may have finished before the stop, which is fine; then both differences are negative.
        const double waited = std::chrono::duration<double>(returned - stopped).count();
        const double worked = cpuReturned - cpuStopped;
        expect(matrix || matrix.error().code == ErrorCode::Cancelled,
               "a cancelled call must return Cancelled");
        expect(worked < kCancelCpuSeconds && waited < kWaitSeconds + kWaitShare * std::max(worked, 0.0),
               "a call must return soon after Cancel");
    }

    const Quantizer &m_quantizer;
    ContractReport m_report;
};

} // namespace

ContractReport checkQuantizerContract(const Quantizer &quantizer) {
    return Tester(quantizer).run();
}

} // namespace qs
