#pragma once

#include "core/metrics/error_metrics.h"
#include "core/tensor/tensor.h"

#include <optional>
#include <string>
#include <vector>

namespace qs {

/// What a model's quality is measured on, beside its outputs.
struct TaskTargets {
    std::vector<std::int64_t> labels; ///< class per sample; empty = none
    Tensor tokens; ///< int64 [samples, positions] of a language model: position t+1 is the target of t
    bool areProbabilities = false; ///< the outputs, see areProbabilities()
    bool hasClasses =
        true; ///< false: the last axis of the outputs is none of classes that exclude each other
};

/// log p of a probability. What float32 cannot hold as a normal number counts as the smallest of them, so
/// that a probability that vanished is not infinitely far. NaN passes.
float logProbability(float p);

/// Whether outputs are softmax already: rows of logits that are not negative and sum to 1, as a network gives
/// them whose last operator is Softmax. \param output  of the float model, float32
bool areProbabilities(const Tensor &output);

/// How the outputs of a changed model compare with those of the float model, and how it does its task.
/// Probabilities exist only for outputs that look like logits: rank 2 [samples, classes] or rank 3
/// [samples, positions, classes]. Outputs that are probabilities are taken as they are. Mergeable over
/// batches.
/// \source methods B6 6.2, 6.3
struct OutputMetrics {
    ErrorMetrics error; ///< over all output elements
    bool hasLogits = false;
    std::int64_t predictions = 0;           ///< softmax rows, or indices, compared
    double sumKl = 0;                       ///< Σ Σ_v P log(P/Q), nats, P = float model
    std::int64_t agreements = 0;            ///< rows with the same argmax
    std::int64_t labelled = 0, correct = 0; ///< samples with a label; argmax equals it
    std::int64_t targets = 0;
    double sumNegativeLogLikelihood = 0; ///< over next-token targets, nats

    /// \param reference, other  one output tensor of the same shape, float32
    void add(const Tensor &reference, const Tensor &other, const TaskTargets &targets);
    /// Outputs that are positions which the model chose, such as classes: they agree or they do not, and have
    /// no error. \param reference, other  as above; labels count where there is one position a sample
    void addIndices(const Tensor &reference, const Tensor &other, const TaskTargets &targets);
    void merge(const OutputMetrics &part);

    std::optional<double> klNats() const;        ///< mean over rows
    std::optional<double> top1Agreement() const; ///< share of rows
    std::optional<double> top1() const;          ///< share of labelled samples that are right
    std::optional<double> perplexity() const;    ///< exp(mean NLL)
};

/// The choice of number by which layers are ranked.
enum class Metric { OutputSqnr, OutputMse, Kl, Top1Agreement, Top1, Perplexity };
struct MetricInfo {
    Metric metric;
    const char *id;      ///< "sqnr", "mse", "kl", "agreement", "top1", "perplexity"
    const char *name;    ///< "Output SQNR"
    const char *unit;    ///< "dB", "nats", "%", ""
    const char *formula; ///< for tooltips
    bool higherIsBetter;
};
const std::vector<MetricInfo> &allMetrics();
const MetricInfo &metricInfo(Metric metric);
/// nullptr when there is no metric of that id.
const MetricInfo *findMetric(const std::string &id);
/// The metric's value in display units (shares as percent), or nothing when it does not apply.
std::optional<double> metricValue(const OutputMetrics &metrics, Metric metric);
/// What to say where a metric does not apply to the outputs, and which ones do; empty when it applies.
std::string whyNoMetric(const OutputMetrics &metrics, Metric metric);

} // namespace qs
