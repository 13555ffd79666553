#include "views/attention/attention_charts.h"

#include <numeric>

namespace qs::views {

namespace {

using Role = LineSeries::Role;
using Vector = std::vector<double> AttentionHeadMetrics::*;

QString tr(const char *text) {
    return QCoreApplication::translate("Attention", text);
}

QVector<double> indices(std::size_t count) {
    QVector<double> values(static_cast<qsizetype>(count));
    std::iota(values.begin(), values.end(), 0.0);
    return values;
}

void addSeries(LineChartContent &content, Role role, const std::vector<double> &values) {
    if (values.empty())
        return;
    content.series.push_back({role == Role::Float ? tr("float") : tr("quantized"), role,
                              indices(values.size()), QVector<double>(values.begin(), values.end())});
}

/// Calls `use` with the metrics of every head that the choice names.
template <typename Use>
void forHeads(const AttentionSurvey &survey, const AttentionMapChoice &choice, bool quantized,
              const Use &use) {
    for (const auto &layer : survey.layers) {
        if (choice.block >= 0 && layer->block != static_cast<std::size_t>(choice.block))
            continue;
        for (std::size_t head = 0; head < layer->heads.size(); ++head) {
            if (choice.block >= 0 && choice.head >= 0 && head != static_cast<std::size_t>(choice.head))
                continue;
            if (!quantized)
                use(layer->heads[head].reference);
            else if (layer->heads[head].quantized)
                use(*layer->heads[head].quantized);
        }
    }
}

/// Mean over heads of a list of one length; empty when lengths differ.
std::vector<double> meanOf(const AttentionSurvey &survey, const AttentionMapChoice &choice, bool quantized,
                           Vector member) {
    std::vector<double> sum;
    int count = 0;
    bool fits = true;
    forHeads(survey, choice, quantized, [&](const AttentionHeadMetrics &metrics) {
        const std::vector<double> &values = metrics.*member;
        if (count == 0)
            sum.resize(values.size());
        fits = fits && values.size() == sum.size();
        for (std::size_t i = 0; fits && i < sum.size(); ++i)
            sum[i] += values[i];
        ++count;
    });
    if (!fits)
        return {};
    for (double &value : sum)
        value /= std::max(1, count);
    return sum;
}

std::vector<double> line(const HeatMapData &map, std::int64_t index, bool row) {
    std::vector<double> values;
    const std::int64_t count = row ? map.cols() : map.rows();
    for (std::int64_t i = 0; i < count; ++i)
        values.push_back(static_cast<double>(row ? map.value(index, i) : map.value(i, index)));
    return values;
}

LineChartContent lineContent(const AttentionMapContent &map, std::int64_t index, bool row) {
    LineChartContent content;
    content.steps = true;
    if (index < 0 || index >= (row ? map.reference->rows() : map.reference->cols()))
        return content;
    addSeries(content, Role::Float, line(*map.reference, index, row));
    if (map.quantized)
        addSeries(content, Role::Quantized, line(*map.quantized, index, row));
    return content;
}

QVector<double> densities(const Histogram &histogram) {
    const double total = static_cast<double>(std::max<std::int64_t>(1, histogram.total()));
    QVector<double> values;
    for (const std::int64_t count : histogram.counts())
        values.push_back(static_cast<double>(count) / total);
    return values;
}

QVector<double> centers(const Histogram &histogram) {
    QVector<double> values;
    for (int bin = 0; bin < histogram.bins(); ++bin)
        values.push_back(histogram.binCenter(bin));
    return values;
}

} // namespace

LineChartContent rowContent(const AttentionMapContent &map, std::int64_t query) {
    LineChartContent content = lineContent(map, query, true);
    content.xTitle = tr("key");
    content.yTitle = tr("p of query %1").arg(query);
    content.fileName = QStringLiteral("attention-query-%1").arg(query);
    content.mark = static_cast<double>(query);
    return content;
}

LineChartContent columnContent(const AttentionMapContent &map, std::int64_t key) {
    LineChartContent content = lineContent(map, key, false);
    content.legend = false; // that of the row above it serves both
    content.xTitle = tr("query");
    content.yTitle = tr("p to key %1").arg(key);
    content.fileName = QStringLiteral("attention-key-%1").arg(key);
    content.mark = static_cast<double>(key);
    return content;
}

LineChartContent saliencyContent(const AttentionSurvey &survey, const AttentionMapChoice &choice,
                                 bool normalized) {
    LineChartContent content;
    content.steps = true;
    content.xTitle = tr("key (token)");
    content.fileName = QStringLiteral("token-saliency");
    if (choice.block < 0 && !normalized) {
        content.yTitle = tr("importance: Σ p, all layers");
        addSeries(content, Role::Float, survey.importance);
        addSeries(content, Role::Quantized, survey.quantizedImportance);
        return content;
    }
    content.whyEmpty = tr("Heads see different numbers of tokens: choose one layer.");
    const Vector member = normalized ? &AttentionHeadMetrics::saliency : &AttentionHeadMetrics::accumulated;
    content.yTitle = normalized ? tr("Σ p ÷ queries that see the key") : tr("Σ p over queries");
    addSeries(content, Role::Float, meanOf(survey, choice, false, member));
    if (survey.hasQuantized)
        addSeries(content, Role::Quantized, meanOf(survey, choice, true, member));
    return content;
}

LineChartContent distanceContent(const AttentionSurvey &survey, const AttentionMapChoice &choice) {
    LineChartContent content;
    content.steps = true;
    content.xTitle = tr("|query − key|, token positions");
    content.yTitle = tr("share of attention");
    content.whyEmpty = tr("Heads see different numbers of tokens: choose one layer.");
    content.fileName = QStringLiteral("attention-distance");
    addSeries(content, Role::Float, meanOf(survey, choice, false, &AttentionHeadMetrics::distance));
    if (survey.hasQuantized)
        addSeries(content, Role::Quantized, meanOf(survey, choice, true, &AttentionHeadMetrics::distance));
    return content;
}

LineChartContent kvContent(const AttentionSurvey &survey, const AttentionMapChoice &choice, bool values) {
    LineChartContent content;
    content.xTitle = values ? tr("value of V") : tr("value of K, after rotary embedding if there is one");
    content.yTitle = tr("share per bin");
    content.fileName = values ? QStringLiteral("v-per-head") : QStringLiteral("k-per-head");
    content.whyEmpty = tr("Choose one layer: keys and values are drawn for each of its K/V heads.");
    if (choice.block < 0 || static_cast<std::size_t>(choice.block) >= survey.layers.size())
        return content;
    const AttentionLayer &layer = *survey.layers[static_cast<std::size_t>(choice.block)];
    content.whyEmpty = tr("The keys and values of this layer could not be told apart into heads.");
    if (layer.kvHeads.empty() || layer.heads.empty())
        return content;
    const std::size_t group = std::max<std::size_t>(1, layer.heads.size() / layer.kvHeads.size());
    const std::size_t chosen =
        choice.head < 0 ? 0
                        : std::min(static_cast<std::size_t>(choice.head) / group, layer.kvHeads.size() - 1);
    for (std::size_t head = 0; head < layer.kvHeads.size(); ++head) {
        const Histogram &histogram =
            (values ? layer.kvHeads[head].values : layer.kvHeads[head].keys).histogram;
        if (head != chosen)
            content.series.push_back({{}, Role::Background, centers(histogram), densities(histogram)});
    }
    const KvHead &head = layer.kvHeads[chosen];
    const Histogram &histogram = (values ? head.values : head.keys).histogram;
    content.series.push_back(
        {tr("K/V head %1, float").arg(chosen), Role::Float, centers(histogram), densities(histogram)});
    if (const auto &other = values ? head.quantizedValues : head.quantizedKeys)
        content.series.push_back(
            {tr("quantized"), Role::Quantized, centers(other->histogram), densities(other->histogram)});
    return content;
}

} // namespace qs::views
