#include "views/method_bench/layer_comparison_model.h"

#include "views/shared/format_text.h"

namespace qs::views {
namespace {

std::optional<double> networkValue(const LayerResult &layer, Metric metric) {
    return layer.network ? metricValue(*layer.network, metric) : std::nullopt;
}

} // namespace

const std::vector<LayerFigure> &layerFigures() {
    static const std::vector<LayerFigure> figures = {
        {"Output SQNR of the layer", "dB", "10 log10(Σy² / Σ(y−ŷ)²), fed by the float network", true,
         [](const LayerResult &layer) { return layer.outputSqnrDb(); }},
        {"Weight SQNR", "dB", "10 log10(Σw² / Σ(w−ŵ)²)", true,
         [](const LayerResult &layer) { return layer.weightSqnrDb(); }},
        {"Effective bits", "bits/weight", "codes + scales + zero points + group indices", false,
         [](const LayerResult &layer) { return std::optional(layer.bits.effective()); }},
        {"KL in the network", "nats", "KL divergence of the model's output, only this layer quantized", false,
         [](const LayerResult &layer) { return networkValue(layer, Metric::Kl); }},
        {"SQNR in the network", "dB", "SQNR of the model's output, only this layer quantized", true,
         [](const LayerResult &layer) { return networkValue(layer, Metric::OutputSqnr); }},
        {"Time in the method", "s", "wall time", false,
         [](const LayerResult &layer) { return std::optional(layer.seconds); }},
    };
    return figures;
}

void LayerComparisonModel::setRuns(std::shared_ptr<const Model> model, std::vector<RunEntry> runs) {
    beginResetModel();
    m_model = std::move(model);
    m_runs = std::move(runs);
    endResetModel();
}

void LayerComparisonModel::setFigure(int index) {
    m_figure = index;
    if (rowCount() > 0 && columnCount() > 1)
        emit dataChanged(this->index(0, 1), this->index(rowCount() - 1, columnCount() - 1));
}

int LayerComparisonModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() || !m_model ? 0 : static_cast<int>(m_model->layers.size());
}

int LayerComparisonModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : 1 + static_cast<int>(m_runs.size());
}

std::optional<double> LayerComparisonModel::value(int row, std::size_t run) const {
    const auto &layers = m_runs[run].run->layers;
    const auto index = static_cast<std::size_t>(row);
    if (index >= layers.size() || !layers[index] || layers[index]->state == LayerResult::State::Failed)
        return {};
    return layerFigures()[static_cast<std::size_t>(m_figure)].valueOf(*layers[index]);
}

bool LayerComparisonModel::isBest(int row, std::size_t run) const {
    const bool higher = layerFigures()[static_cast<std::size_t>(m_figure)].higherIsBetter;
    const auto own = value(row, run);
    bool differs = false;
    for (std::size_t other = 0; own && other < m_runs.size(); ++other) {
        const auto theirs = value(row, other);
        if (theirs && (higher ? *theirs > *own : *theirs < *own))
            return false;
        differs |= theirs && *theirs != *own;
    }
    return differs;
}

QVariant LayerComparisonModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const int row = index.row();
    if (index.column() == 0) {
        if (role == SortRole)
            return row;
        const bool isText = role == Qt::DisplayRole || role == CopyRole || role == Qt::ToolTipRole;
        return isText ? QVariant(QString::fromStdString(m_model->layers[static_cast<std::size_t>(row)].name))
                      : QVariant();
    }
    const auto run = static_cast<std::size_t>(index.column() - 1);
    const LayerFigure &figure = layerFigures()[static_cast<std::size_t>(m_figure)];
    const QString text = formatWithoutUnit(value(row, run), QString::fromUtf8(figure.unit));
    switch (role) {
    case Qt::DisplayRole:
        return isBest(row, run) ? QStringLiteral("★ ") + text : text;
    case CopyRole:
        return text;
    case SortRole:
        return value(row, run) ? QVariant(*value(row, run)) : QVariant();
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::FontRole: {
        QFont font;
        font.setBold(isBest(row, run));
        return font;
    }
    default:
        return {};
    }
}

QVariant LayerComparisonModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
        return {};
    if (role == Qt::DisplayRole)
        return section == 0 ? tr("Layer")
                            : QString::fromStdString(m_runs[static_cast<std::size_t>(section - 1)].title());
    return {};
}

} // namespace qs::views
