#pragma once

#include "core/analysis/error_propagation.h"
#include "core/analysis/node_timing.h"
#include "core/session/run.h"

namespace qs {

/// A number that nodes of a graph can be coloured by.
enum class NodeMetric {
    None,
    EffectiveBits,
    WeightSqnr,
    OutputSqnr,
    NetworkSqnr,
    Sensitivity,
    AccumulatedSqnr,
    OwnSqnr,
    InheritedSqnr,
    Time,
    OutlierScore,
    Parameters,
};

struct NodeMetricInfo {
    enum class OfBlock { Worst, Sum, MeanOverParameters };
    NodeMetric metric;
    const char *id;      ///< "accumulated-sqnr"
    const char *name;    ///< "Accumulated SQNR"
    const char *unit;    ///< "dB"; empty for pure numbers
    const char *meaning; ///< one sentence, for tooltips and --help
    bool higherIsBetter;
    OfBlock ofBlock; ///< how the values of its nodes make that of a collapsed block
};
const std::vector<NodeMetricInfo> &allNodeMetrics();
const NodeMetricInfo &nodeMetricInfo(NodeMetric metric);
/// nullptr when there is no metric of that id.
const NodeMetricInfo *findNodeMetric(const std::string &id);
/// "worst", "sum", "mean over parameters".
const char *ofBlockText(NodeMetricInfo::OfBlock ofBlock);

/// Where the numbers come from; all but the model may be null.
struct NodeMetricSources {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Run> run;
    std::shared_ptr<const SensitivityTable> sensitivity;
    int sensitivityBits = 0; ///< a column of the table; 0 = its first
    std::shared_ptr<const Capture> capture;
    std::shared_ptr<const ErrorPropagation> errors;
    std::shared_ptr<const NodeTimes> times;
};

/// What is missing for a metric, as a sentence that says what to do; empty when values can be had.
std::string whyNoValues(NodeMetric metric, const NodeMetricSources &sources);

/// The metric by NodeId in its unit; NaN for nodes that have no value.
std::vector<double> nodeMetricValues(NodeMetric metric, const NodeMetricSources &sources);

/// The value of a block from those of its nodes, NaN when none has one. \param weights  of the nodes, for
/// means
double blockValue(const NodeMetricInfo &info, std::span<const double> values,
                  std::span<const double> weights);

} // namespace qs
