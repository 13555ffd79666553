#include "views/sweep/sweep_table_model.h"

#include "views/shared/format_text.h"

namespace qs::views {
namespace {

/// A sign before each state, so that they are told apart at a glance and without colour.
QString stateText(SweepRecord::State state) {
    using State = SweepRecord::State;
    const QString name = QString::fromUtf8(sweepStateName(state).data());
    const char16_t sign = state == State::Done      ? u'✓'
                          : state == State::Partial ? u'◐'
                          : state == State::Failed  ? u'✗'
                                                    : u'–';
    return QString(QChar(sign)) + ' ' + name;
}

} // namespace

void SweepTableModel::setResults(std::shared_ptr<const SweepResults> results) {
    beginResetModel();
    m_results = std::move(results);
    m_cells = m_results ? sweepTable(*m_results) : TextCells{};
    endResetModel();
}

const SweepRecord *SweepTableModel::record(int row) const {
    return m_results && row >= 0 && row < rowCount() ? &m_results->records[static_cast<std::size_t>(row)]
                                                     : nullptr;
}

int SweepTableModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_cells.rows.size());
}

int SweepTableModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_cells.columns.size());
}

QString SweepTableModel::shownText(const QModelIndex &index) const {
    const TextCells::Column &column = m_cells.columns[static_cast<std::size_t>(index.column())];
    const auto &cell =
        m_cells.rows[static_cast<std::size_t>(index.row())][static_cast<std::size_t>(index.column())];
    if (column.id == "state")
        return stateText(record(index.row())->state);
    if (column.id == "pareto" && !cell.text.empty())
        return QStringLiteral("★");
    if (column.isNumber && cell.text == "–")
        return kNoValueText;
    return QString::fromStdString(cell.text);
}

QString SweepTableModel::toolTip(const QModelIndex &index) const {
    const SweepRecord &result = *record(index.row());
    QStringList lines{tr("%1 on %2: %3")
                          .arg(QString::fromStdString(result.job.recipe.name),
                               QString::fromStdString(result.job.model),
                               QString::fromUtf8(sweepStateName(result.state).data()))};
    if (!result.reason.empty())
        lines << QString::fromStdString(result.reason);
    for (const std::string &note : result.notes)
        lines << QString::fromStdString(note);
    QStringList versions;
    for (const auto &[method, version] : result.methodVersions)
        versions << QStringLiteral("%1 %2").arg(QString::fromStdString(method),
                                                QString::fromStdString(version));
    lines << tr("%1, %2; the whole job took %3")
                 .arg(QString::fromStdString(result.program), versions.join(QStringLiteral(", ")),
                      formatDuration(result.wallSeconds));
    return lines.join('\n');
}

QVariant SweepTableModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const TextCells::Column &column = m_cells.columns[static_cast<std::size_t>(index.column())];
    const auto &cell =
        m_cells.rows[static_cast<std::size_t>(index.row())][static_cast<std::size_t>(index.column())];
    switch (role) {
    case Qt::DisplayRole:
        return shownText(index);
    case CopyRole:
        return QString::fromStdString(cell.text);
    case SortRole:
        if (column.id == "activation_bits" && !cell.value)
            return 32.0; // float is more than any width
        return column.isNumber ? (cell.value ? QVariant(*cell.value) : QVariant())
                               : QVariant(QString::fromStdString(cell.text));
    case Qt::TextAlignmentRole:
        return column.isNumber ? QVariant(Qt::AlignRight | Qt::AlignVCenter) : QVariant();
    case Qt::ToolTipRole:
        return toolTip(index);
    default:
        return {};
    }
}

QVariant SweepTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
        return {};
    const TextCells::Column &column = m_cells.columns[static_cast<std::size_t>(section)];
    const QString name = QString::fromStdString(column.name);
    switch (role) {
    case Qt::DisplayRole:
        return column.unit.empty() || column.id == "weight_bytes"
                   ? name
                   : name + '\n' + QString::fromStdString(column.unit);
    case Qt::ToolTipRole:
        return QString::fromStdString(column.explanation);
    case Qt::TextAlignmentRole:
        return QVariant((column.isNumber ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    default:
        return {};
    }
}

} // namespace qs::views
