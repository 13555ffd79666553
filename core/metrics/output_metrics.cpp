#include "core/metrics/output_metrics.h"

#include "core/base/check.h"
#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr std::int64_t kRowsPerBlock = 16;

struct SoftmaxRow {
    std::size_t argmax = 0; ///< the first of equals
    double logSumExp = 0;   ///< NaN when the row has a NaN or +Inf

    double logProbability(float logit) const { return static_cast<double>(logit) - logSumExp; }
};

SoftmaxRow softmaxRow(std::span<const float> logits) {
    SoftmaxRow row;
    for (std::size_t i = 1; i < logits.size(); ++i)
        if (logits[i] > logits[row.argmax])
            row.argmax = i;
    const double largest = logits[row.argmax];
    double sum = 0;
    for (float logit : logits)
        sum += std::exp(static_cast<double>(logit) - largest);
    row.logSumExp = largest + std::log(sum);
    return row;
}

/// Σ P log(P/Q) in nats.
double divergence(std::span<const float> reference, const SoftmaxRow &p, std::span<const float> other,
                  const SoftmaxRow &q) {
    double sum = 0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        const double logP = p.logProbability(reference[i]);
        // exp(-Inf) = 0 counts nothing, but 0 times -Inf would be NaN; a NaN must pass.
        if (const double probability = std::exp(logP); probability != 0)
            sum += probability * (logP - q.logProbability(other[i]));
    }
    // Rounding can leave a tiny negative sum for equal rows.
    return sum < 0 ? 0 : sum;
}

/// What one softmax row adds.
struct RowResult {
    double kl = 0;
    bool agrees = false;
    std::size_t argmax = 0;
    double logSumExp = 0; ///< of `other`
};

std::vector<RowResult> compareRows(std::span<const float> reference, std::span<const float> other,
                                   std::int64_t rows, std::int64_t classes) {
    std::vector<RowResult> results(static_cast<std::size_t>(rows));
    auto compare = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            const auto offset = static_cast<std::size_t>(row * classes);
            const auto x = reference.subspan(offset, static_cast<std::size_t>(classes));
            const auto y = other.subspan(offset, static_cast<std::size_t>(classes));
            const SoftmaxRow p = softmaxRow(x), q = softmaxRow(y);
            const bool usable = std::isfinite(p.logSumExp) && std::isfinite(q.logSumExp);
            results[static_cast<std::size_t>(row)] = {divergence(x, p, y, q), usable && p.argmax == q.argmax,
                                                      q.argmax, q.logSumExp};
        }
    };
    // Without a stop token it cannot be cancelled, so there is no error to pass on.
    (void)parallelFor(rows, kRowsPerBlock, RunContext{}, compare);
    return results;
}

void addLabels(OutputMetrics &metrics, const std::vector<RowResult> &rows, std::int64_t classes,
               const std::vector<std::int64_t> &labels) {
    for (std::size_t row = 0; row < std::min(rows.size(), labels.size()); ++row) {
        if (labels[row] < 0 || labels[row] >= classes)
            continue;
        ++metrics.labelled;
        metrics.correct +=
            std::isfinite(rows[row].logSumExp) && static_cast<std::int64_t>(rows[row].argmax) == labels[row];
    }
}

void addNextTokens(OutputMetrics &metrics, const std::vector<RowResult> &rows, const Tensor &logits,
                   const Tensor &tokens) {
    const std::int64_t samples = logits.shape()[0], positions = logits.shape()[1],
                       classes = logits.shape()[2];
    const auto values = logits.values<float>();
    const auto ids = tokens.values<std::int64_t>();
    for (std::int64_t sample = 0; sample < samples; ++sample)
        for (std::int64_t position = 0; position + 1 < positions; ++position) {
            const std::int64_t row = sample * positions + position;
            const std::int64_t target = ids[static_cast<std::size_t>(row + 1)];
            if (target < 0 || target >= classes)
                continue;
            ++metrics.targets;
            metrics.sumNegativeLogLikelihood += rows[static_cast<std::size_t>(row)].logSumExp -
                                                values[static_cast<std::size_t>(row * classes + target)];
        }
}

bool looksLikeLogits(const Shape &shape) {
    return (shape.rank() == 2 || shape.rank() == 3) && shape[shape.rank() - 1] >= 2 && shape.numel() > 0;
}

bool areTokensOf(const Tensor &tokens, const Shape &logits) {
    return !tokens.empty() && tokens.dtype() == DType::Int64 && logits.rank() == 3 &&
           tokens.shape() == Shape{logits[0], logits[1]};
}

/// Logits whose softmax the probabilities are.
Tensor logarithms(const Tensor &probabilities) {
    Tensor result = Tensor::allocate(DType::Float32, probabilities.shape());
    std::ranges::transform(probabilities.values<float>(), result.mutableValues<float>().begin(),
                           logProbability);
    return result;
}

std::optional<double> mean(double sum, std::int64_t count) {
    return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
}

} // namespace

float logProbability(float p) {
    constexpr float kSmallest = std::numeric_limits<float>::min();
    return std::log(p < kSmallest ? kSmallest : p);
}

bool areProbabilities(const Tensor &output) {
    constexpr double kRounding = 2e-3; // of a thousand float16 numbers
    if (!looksLikeLogits(output.shape()))
        return false;
    const auto values = output.values<float>();
    const auto classes = static_cast<std::size_t>(output.shape()[output.shape().rank() - 1]);
    for (std::size_t row = 0; row < values.size(); row += classes) {
        double sum = 0;
        for (const float value : values.subspan(row, classes)) {
            if (!(value >= 0))
                return false;
            sum += static_cast<double>(value);
        }
        if (std::fabs(sum - 1) > kRounding)
            return false;
    }
    return true;
}

void OutputMetrics::add(const Tensor &reference, const Tensor &other, const TaskTargets &targetsOfBatch) {
    QS_CHECK(reference.dtype() == DType::Float32 && other.dtype() == DType::Float32,
             "outputs must be float32");
    QS_CHECK(reference.shape() == other.shape(), "both models must give outputs of the same shape");
    const auto x = reference.values<float>(), y = other.values<float>();
    error.add(x, y);
    const Shape &shape = reference.shape();
    const bool hasClasses = targetsOfBatch.hasClasses;
    if (!looksLikeLogits(shape) || (!hasClasses && targetsOfBatch.labels.empty()))
        return;
    hasLogits = hasLogits || hasClasses;
    const std::int64_t classes = shape[shape.rank() - 1], rows = shape.numel() / classes;
    const bool takeLogarithms = targetsOfBatch.areProbabilities;
    const Tensor p = takeLogarithms ? logarithms(reference) : reference,
                 q = takeLogarithms ? logarithms(other) : other;
    const std::vector<RowResult> results = compareRows(p.values<float>(), q.values<float>(), rows, classes);
    for (const RowResult &row : results)
        if (hasClasses) {
            ++predictions;
            sumKl += row.kl;
            agreements += row.agrees;
        }
    if (shape.rank() == 2) // a label is the largest element, also of sigmoids
        addLabels(*this, results, classes, targetsOfBatch.labels);
    if (hasClasses && areTokensOf(targetsOfBatch.tokens, shape))
        addNextTokens(*this, results, q, targetsOfBatch.tokens);
}

void OutputMetrics::addIndices(const Tensor &reference, const Tensor &other,
                               const TaskTargets &targetsOfBatch) {
    QS_CHECK(reference.shape() == other.shape(), "both models must give outputs of the same shape");
    const auto x = reference.values<float>(), y = other.values<float>();
    predictions += static_cast<std::int64_t>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
        agreements += x[i] == y[i];
    const std::vector<std::int64_t> &classes = targetsOfBatch.labels;
    if (classes.size() != y.size())
        return;
    labelled += static_cast<std::int64_t>(classes.size());
    for (std::size_t i = 0; i < y.size(); ++i)
        correct += static_cast<std::int64_t>(y[i]) == classes[i];
}

void OutputMetrics::merge(const OutputMetrics &part) {
    error.merge(part.error);
    hasLogits = hasLogits || part.hasLogits;
    predictions += part.predictions;
    sumKl += part.sumKl;
    agreements += part.agreements;
    labelled += part.labelled;
    correct += part.correct;
    targets += part.targets;
    sumNegativeLogLikelihood += part.sumNegativeLogLikelihood;
}

std::optional<double> OutputMetrics::klNats() const {
    return hasLogits ? mean(sumKl, predictions) : std::nullopt;
}

std::optional<double> OutputMetrics::top1Agreement() const {
    return mean(static_cast<double>(agreements), predictions);
}

std::optional<double> OutputMetrics::top1() const {
    return mean(static_cast<double>(correct), labelled);
}

std::optional<double> OutputMetrics::perplexity() const {
    const auto nll = mean(sumNegativeLogLikelihood, targets);
    return nll ? std::optional(std::exp(*nll)) : std::nullopt;
}

const std::vector<MetricInfo> &allMetrics() {
    static const std::vector<MetricInfo> metrics{
        {Metric::OutputSqnr, "sqnr", "Output SQNR", "dB",
         "10 log10(Σ y² / Σ (y' - y)²) over all output elements; y = float model, y' = quantized model",
         true},
        {Metric::OutputMse, "mse", "Output MSE", "",
         "Σ (y' - y)² / n over all output elements; y = float model, y' = quantized model", false},
        {Metric::Kl, "kl", "KL divergence", "nats",
         "mean over predictions of Σ P log(P / Q); P = softmax of the float model's logits, Q = of the "
         "quantized; outputs that are probabilities are taken as they are",
         false},
        {Metric::Top1Agreement, "agreement", "Top-1 agreement", "%",
         "share of predictions whose largest logit is at the same class in both models; of an output that "
         "holds classes: those that are the same",
         true},
        {Metric::Top1, "top1", "Top-1 accuracy", "%",
         "share of labelled samples whose largest logit is at the label's class", true},
        {Metric::Perplexity, "perplexity", "Perplexity", "",
         "exp(mean of -log Q(next token)); Q = softmax of the logits at each position", false}};
    return metrics;
}

const MetricInfo &metricInfo(Metric metric) {
    return allMetrics()[static_cast<std::size_t>(metric)];
}

const MetricInfo *findMetric(const std::string &id) {
    for (const MetricInfo &info : allMetrics())
        if (id == info.id)
            return &info;
    return nullptr;
}

std::optional<double> metricValue(const OutputMetrics &metrics, Metric metric) {
    auto percent = [](std::optional<double> share) { return share ? std::optional(*share * 100) : share; };
    switch (metric) {
    case Metric::OutputSqnr:
        return metrics.error.count > 0 ? std::optional(metrics.error.sqnrDb()) : std::nullopt;
    case Metric::OutputMse:
        return metrics.error.count > 0 ? std::optional(metrics.error.mse()) : std::nullopt;
    case Metric::Kl:
        return metrics.klNats();
    case Metric::Top1Agreement:
        return percent(metrics.top1Agreement());
    case Metric::Top1:
        return percent(metrics.top1());
    case Metric::Perplexity:
        return metrics.perplexity();
    }
    return std::nullopt;
}

std::string whyNoMetric(const OutputMetrics &metrics, Metric metric) {
    if (metricValue(metrics, metric))
        return {};
    std::string others;
    for (const MetricInfo &info : allMetrics())
        if (metricValue(metrics, info.metric))
            others += fmt::format("{}{} ({})", others.empty() ? "" : ", ", info.name, info.id);
    return fmt::format("The outputs of this model have no {}; they have: {}", metricInfo(metric).name,
                       others.empty() ? "none" : others);
}

} // namespace qs
