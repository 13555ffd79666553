#include "views/sensitivity/sensitivity_model.h"

#include "views/shared/color_maps.h"
#include "views/shared/format_text.h"

namespace qs::views {

namespace {

/// Values below stand for "no difference" on logarithmic scales.
constexpr double kLogFloor = 1e-9;

bool spansDecades(Metric metric) {
    return metric == Metric::OutputMse || metric == Metric::Kl;
}

std::vector<SensitivityMetric> makeMetrics() {
    std::vector<SensitivityMetric> metrics;
    for (const MetricInfo &info : allMetrics()) {
        SensitivityMetric entry{
            info.id,
            info.name,
            info.unit,
            QString::fromUtf8(info.formula),
            info.higherIsBetter,
            spansDecades(info.metric),
            [metric = info.metric](const AloneMetrics &cell) { return metricValue(cell.network, metric); },
            {}};
        if (info.metric == Metric::Top1 || info.metric == Metric::Perplexity)
            entry.baseline = [metric = info.metric](const OutputMetrics &output) {
                return metricValue(output, metric);
            };
        metrics.push_back(std::move(entry));
    }
    metrics.push_back(
        {"layer-sqnr",
         QObject::tr("SQNR of the layer's own output"),
         "dB",
         QStringLiteral("10 log₁₀(Σ y² / Σ (ŷ − y)²) of the layer's output y, fed by the float network"),
         true,
         false,
         [](const AloneMetrics &cell) -> std::optional<double> {
             if (cell.layerOutput.count == 0)
                 return {};
             return cell.layerOutput.sqnrDb();
         },
         {}});
    return metrics;
}

/// Harmless cells sink into the background, the worst stand out from it.
QColor cellColor(double badness) {
    const ColorMap &map = *findColorMap("heat");
    return toQColor(isDarkTheme() ? map.at(0.12 + 0.85 * badness) : map.at(0.98 - 0.8 * badness));
}

} // namespace

const std::vector<SensitivityMetric> &sensitivityMetrics() {
    static const std::vector<SensitivityMetric> metrics = makeMetrics();
    return metrics;
}

void SensitivityModel::setTable(std::shared_ptr<const Model> model,
                                std::shared_ptr<const SensitivityTable> table) {
    const bool sameCells = m_table && table && model == m_model && m_table->layers == table->layers &&
                           m_table->bits == table->bits;
    if (sameCells) { // the same measurement, further on: keep scroll position and selection
        m_table = std::move(table);
        updateRange();
        if (rowCount() > 0)
            emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
        return;
    }
    beginResetModel();
    m_model = std::move(model);
    m_table = m_model ? std::move(table) : nullptr;
    updateRange();
    endResetModel();
}

void SensitivityModel::setMetric(const SensitivityMetric &metric) {
    m_metric = &metric;
    updateRange();
    if (rowCount() > 0)
        emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
    emit headerDataChanged(Qt::Horizontal, 0, columnCount() - 1);
}

QString SensitivityModel::layerName(int row) const {
    return QString::fromStdString(m_model->layers[static_cast<std::size_t>(layerAt(row))].name);
}

int SensitivityModel::rowOfLayer(LayerId layer) const {
    if (!m_table)
        return -1;
    const auto found = std::find(m_table->layers.begin(), m_table->layers.end(), layer);
    return found == m_table->layers.end() ? -1 : static_cast<int>(found - m_table->layers.begin());
}

std::optional<double> SensitivityModel::value(int row, int bitsColumn) const {
    const auto &cell = m_table->cell(static_cast<std::size_t>(row), static_cast<std::size_t>(bitsColumn));
    return cell ? m_metric->value(*cell) : std::nullopt;
}

double SensitivityModel::scaled(double value) const {
    const double scale = m_metric->logarithmic ? std::log10(std::max(value, kLogFloor)) : value;
    return m_metric->higherIsBetter ? -scale : scale;
}

void SensitivityModel::updateRange() {
    m_hasRange = false;
    for (int row = 0; row < rowCount(); ++row)
        for (int column = 0; column < bitsColumns(); ++column) {
            const std::optional<double> shown = value(row, column);
            if (!shown || !std::isfinite(*shown))
                continue;
            const double badness = scaled(*shown);
            m_best = m_hasRange ? std::min(m_best, badness) : badness;
            m_worst = m_hasRange ? std::max(m_worst, badness) : badness;
            m_hasRange = true;
        }
}

std::optional<double> SensitivityModel::badness(int row, int bitsColumn) const {
    const std::optional<double> shown = value(row, bitsColumn);
    if (!shown || !m_hasRange || !(m_worst > m_best))
        return {};
    if (!std::isfinite(*shown))
        return 1;
    return (scaled(*shown) - m_best) / (m_worst - m_best);
}

int SensitivityModel::measuredRows() const {
    int measured = 0;
    for (int row = 0; row < rowCount(); ++row) {
        bool complete = true;
        for (int column = 0; column < bitsColumns(); ++column)
            complete &=
                m_table->cell(static_cast<std::size_t>(row), static_cast<std::size_t>(column)).has_value();
        measured += complete;
    }
    return measured;
}

int SensitivityModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() || !m_table ? 0 : static_cast<int>(m_table->layers.size());
}

int SensitivityModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() || !m_table ? 0 : 1 + bitsColumns();
}

QVariant SensitivityModel::data(const QModelIndex &index, int role) const {
    if (!index.isValid() || !m_table)
        return {};
    const int row = index.row(), bits = index.column() - 1;
    if (role == LayerIdRole)
        return layerAt(row);
    if (index.column() == 0) {
        if (role == Qt::DisplayRole || role == Qt::ToolTipRole)
            return layerName(row);
        return role == SortRole ? QVariant(row) : QVariant();
    }
    const std::optional<double> shown = value(row, bits);
    switch (role) {
    case Qt::DisplayRole:
        return formatWithoutUnit(shown, m_metric->unit); // the unit stands in the choice of the metric
    case Qt::ToolTipRole:
        return tr("%1 with only %2 at %3 bit: %4\n%5")
            .arg(m_metric->name, layerName(row))
            .arg(m_table->bits[static_cast<std::size_t>(bits)])
            .arg(shown ? formatWithUnit(shown, m_metric->unit) : tr("not measured"), m_metric->formula);
    case SortRole:
        return shown ? QVariant(*shown) : QVariant();
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::BackgroundRole: {
        const std::optional<double> bad = badness(row, bits);
        return bad ? QVariant(cellColor(*bad)) : QVariant();
    }
    case Qt::ForegroundRole: {
        const std::optional<double> bad = badness(row, bits);
        return bad ? QVariant(readableTextOn(cellColor(*bad))) : QVariant();
    }
    default:
        return {};
    }
}

QVariant SensitivityModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || !m_table || section > bitsColumns())
        return {};
    if (section == 0)
        return role == Qt::DisplayRole ? QVariant(tr("Layer")) : QVariant();
    const int bits = m_table->bits[static_cast<std::size_t>(section - 1)];
    if (role == Qt::DisplayRole)
        return tr("%1 bit").arg(bits);
    if (role == Qt::ToolTipRole)
        return tr("%1 with one layer at %2 bit, all others in float\n%3")
            .arg(m_metric->name)
            .arg(bits)
            .arg(m_metric->formula);
    return {};
}

} // namespace qs::views
