#include "views/method_bench/run_table_model.h"

#include "views/shared/format_text.h"

namespace qs::views {
namespace {

std::vector<std::shared_ptr<const Run>> runsOf(const std::vector<RunEntry> &entries) {
    std::vector<std::shared_ptr<const Run>> runs;
    for (const RunEntry &entry : entries)
        runs.push_back(entry.run);
    return runs;
}

/// Only ticked runs compete.
std::vector<bool> bestOf(ComparisonColumn column, const std::vector<RunEntry> &entries) {
    for (std::size_t row = 0; row < entries.size(); ++row)
        if (!entries[row].compared)
            column.values[row].reset();
    std::vector<bool> best;
    for (std::size_t row = 0; row < entries.size(); ++row)
        best.push_back(column.isBest(row));
    return best;
}

} // namespace

void RunTableModel::setRuns(std::vector<RunEntry> runs, const Run *shown) {
    beginResetModel();
    m_runs = std::move(runs);
    m_shown = shown;
    m_columns = compareRuns(runsOf(m_runs));
    m_best.clear();
    for (const ComparisonColumn &column : m_columns)
        m_best.push_back(bestOf(column, m_runs));
    endResetModel();
}

int RunTableModel::rowOf(int number) const {
    for (int row = 0; row < rowCount(); ++row)
        if (entry(row).number == number)
            return row;
    return -1;
}

int RunTableModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_runs.size());
}

int RunTableModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : 1 + static_cast<int>(m_columns.size());
}

bool RunTableModel::isBest(int row, int column) const {
    return m_best[static_cast<std::size_t>(column - 1)][static_cast<std::size_t>(row)];
}

QString RunTableModel::text(int row, const ComparisonColumn &column) const {
    const auto value = column.values[static_cast<std::size_t>(row)];
    if (value && column.id == "weight_bytes")
        return formatBytes(static_cast<std::int64_t>(*value));
    if (value && column.id == "effective_bits")
        return QString::number(*value, 'f', 2);
    return formatWithoutUnit(value, QString::fromStdString(column.unit));
}

QVariant RunTableModel::runData(int row, int role) const {
    const RunEntry &run = entry(row);
    const QString title = QString::fromStdString(run.title());
    switch (role) {
    case Qt::DisplayRole:
        return run.run.get() == m_shown ? QStringLiteral("▸ ") + title : title;
    case CopyRole:
        return title;
    case SortRole:
        return run.number;
    case Qt::CheckStateRole:
        return run.compared ? Qt::Checked : Qt::Unchecked;
    case Qt::ToolTipRole:
        return tr("%1\nModel %2, calibrated on %3 samples, measured on %4 samples of %5, seed %6, %7")
            .arg(title, QString::fromStdString(run.run->provenance.modelFile),
                 formatCount(run.run->provenance.calibrationSamples),
                 formatCount(run.run->provenance.evaluationSamples),
                 QString::fromStdString(run.run->provenance.evaluationFile),
                 QString::number(run.run->provenance.seed),
                 QString::fromStdString(run.run->provenance.program));
    default:
        return {};
    }
}

QVariant RunTableModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const int row = index.row();
    if (role == NumberRole)
        return entry(row).number;
    if (role == Qt::FontRole && index.column() > 0 && isBest(row, index.column())) {
        QFont font;
        font.setBold(true);
        return font;
    }
    if (index.column() == 0)
        return runData(row, role);
    const ComparisonColumn &column = m_columns[static_cast<std::size_t>(index.column() - 1)];
    const auto value = column.values[static_cast<std::size_t>(row)];
    switch (role) {
    case Qt::DisplayRole:
        return isBest(row, index.column()) ? QStringLiteral("★ ") + text(row, column) : text(row, column);
    case CopyRole:
        return text(row, column);
    case SortRole:
        return value ? QVariant(*value) : QVariant();
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::ToolTipRole:
        return value ? tr("%1: %2").arg(QString::fromStdString(column.name),
                                        formatWithUnit(value, QString::fromStdString(column.unit), 8))
                     : tr("not measured, or it does not apply to this model");
    default:
        return {};
    }
}

bool RunTableModel::setData(const QModelIndex &index, const QVariant &value, int role) {
    if (role != Qt::CheckStateRole || index.column() != 0)
        return false;
    emit compareWished(entry(index.row()).number, value.toInt() == Qt::Checked);
    return true;
}

QVariant RunTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
        return {};
    if (section == 0) {
        if (role == Qt::ToolTipRole)
            return tr("Finished runs of this model. ▸: shown in the other views. Ticked: compared here.");
        return role == Qt::DisplayRole ? QVariant(tr("Run")) : QVariant();
    }
    const ComparisonColumn &column = m_columns[static_cast<std::size_t>(section - 1)];
    const QString name = QString::fromStdString(column.name);
    switch (role) {
    case Qt::DisplayRole:
        return column.unit.empty() || column.id == "weight_bytes"
                   ? name
                   : name + '\n' + QString::fromStdString(column.unit);
    case Qt::ToolTipRole:
        return tr("%1: %2. %3 is better.")
            .arg(name, QString::fromStdString(column.explanation),
                 column.higherIsBetter ? tr("Higher") : tr("Lower"));
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    default:
        return {};
    }
}

Qt::ItemFlags RunTableModel::flags(const QModelIndex &index) const {
    const Qt::ItemFlags flags = QAbstractTableModel::flags(index);
    return index.column() == 0 ? flags | Qt::ItemIsUserCheckable : flags;
}

} // namespace qs::views
