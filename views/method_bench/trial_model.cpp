#include "views/method_bench/trial_model.h"

#include "views/method_bench/layer_comparison_model.h"
#include "views/shared/format_text.h"

#include <QFont>

namespace qs::views {
namespace {

const LayerFigure &figureOf(int column) {
    return layerFigures()[static_cast<std::size_t>(column - 1)];
}

} // namespace

void TrialModel::setRows(std::vector<Row> rows) {
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

int TrialModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int TrialModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : 1 + static_cast<int>(layerFigures().size());
}

std::optional<double> TrialModel::value(std::size_t row, int column) const {
    const auto &result = m_rows[row].result;
    if (!result || result->state == LayerResult::State::Failed)
        return {};
    return figureOf(column).valueOf(*result);
}

bool TrialModel::isBest(std::size_t row, int column) const {
    const auto own = value(row, column);
    const bool higher = figureOf(column).higherIsBetter;
    bool differs = false;
    for (std::size_t other = 0; own && other < m_rows.size(); ++other) {
        const auto theirs = value(other, column);
        if (theirs && (higher ? *theirs > *own : *theirs < *own))
            return false;
        differs |= theirs && *theirs != *own;
    }
    return differs;
}

QVariant TrialModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const auto row = static_cast<std::size_t>(index.row());
    const bool first = index.column() == 0;
    const bool best = !first && isBest(row, index.column());
    switch (role) {
    case Qt::DisplayRole:
    case CopyRole: {
        if (first)
            return m_rows[row].title;
        const QString text =
            formatWithoutUnit(value(row, index.column()), QString::fromUtf8(figureOf(index.column()).unit));
        return best && role == Qt::DisplayRole ? QStringLiteral("★ ") + text : text;
    }
    case Qt::TextAlignmentRole:
        return first ? QVariant() : QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::FontRole: {
        QFont font;
        font.setBold(best || (first && m_rows[row].isTrial));
        return font;
    }
    case Qt::ToolTipRole:
        return m_rows[row].result && m_rows[row].result->state == LayerResult::State::Failed
                   ? QVariant(QString::fromStdString(m_rows[row].result->failure))
                   : QVariant();
    default:
        return {};
    }
}

QVariant TrialModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
        return {};
    if (section == 0)
        return role == Qt::DisplayRole ? QVariant(tr("Run")) : QVariant();
    const LayerFigure &figure = figureOf(section);
    if (role == Qt::ToolTipRole)
        return QString::fromUtf8(figure.formula);
    return role == Qt::DisplayRole
               ? QVariant(QString::fromUtf8(figure.name) + '\n' + QString::fromUtf8(figure.unit))
               : QVariant();
}

} // namespace qs::views
