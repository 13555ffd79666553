#include "views/number_line/format_table_model.h"

#include "views/shared/format_text.h"

namespace qs::views {
namespace {

struct Heading {
    const char *name, *tip;
};
constexpr Heading kHeadings[FormatTableModel::ColumnCount] = {
    {QT_TRANSLATE_NOOP("NumberLine", "Format"),
     QT_TRANSLATE_NOOP("NumberLine", "★: the least squared error of all rows")},
    {QT_TRANSLATE_NOOP("NumberLine", "Bits"), QT_TRANSLATE_NOOP("NumberLine", "of a code")},
    {QT_TRANSLATE_NOOP("NumberLine", "SQNR"),
     QT_TRANSLATE_NOOP("NumberLine", "10 log₁₀(Σ x² / Σ (x̂ − x)²); higher is better")},
    {QT_TRANSLATE_NOOP("NumberLine", "MSE"), QT_TRANSLATE_NOOP("NumberLine", "Σ (x̂ − x)² / n")},
    {QT_TRANSLATE_NOOP("NumberLine", "Clipped"),
     QT_TRANSLATE_NOOP("NumberLine", "values beyond the ends of the format by more than half a step")},
    {QT_TRANSLATE_NOOP("NumberLine", "Clip error"),
     QT_TRANSLATE_NOOP("NumberLine",
                       "share of the squared error that clipped values have; the rest is rounding")},
    {QT_TRANSLATE_NOOP("NumberLine", "Points used"),
     QT_TRANSLATE_NOOP("NumberLine", "code points that at least one value takes, of all")},
    {QT_TRANSLATE_NOOP("NumberLine", "Range by"),
     QT_TRANSLATE_NOOP("NumberLine", "how the clip range was found")},
    {QT_TRANSLATE_NOOP("NumberLine", "Clip range"),
     QT_TRANSLATE_NOOP("NumberLine", "what scale and zero point were made from, in value units")},
    {QT_TRANSLATE_NOOP("NumberLine", "Scale"),
     QT_TRANSLATE_NOOP("NumberLine", "value units per unit of the format")},
    {QT_TRANSLATE_NOOP("NumberLine", "Zero"),
     QT_TRANSLATE_NOOP("NumberLine", "zero point: the code of 0; integers only")}};

QString translated(const char *text) {
    return QCoreApplication::translate("NumberLine", text);
}

bool isMeasured(int column) {
    return column >= FormatTableModel::Sqnr && column <= FormatTableModel::UsedPoints;
}

} // namespace

QString rowTitle(const NumberLineRow &row) {
    QString title = QString::fromStdString(row.format->title);
    if (row.choice.kind == ClipChoice::Kind::Own)
        title = QObject::tr("own grid, %1").arg(title);
    return row.format->experimental ? QObject::tr("%1 (experimental)").arg(title) : title;
}

void FormatTableModel::setTable(std::shared_ptr<const NumberLineTable> table) {
    const bool sameRows = m_table && table && m_table->rows.size() == table->rows.size();
    if (!sameRows) {
        beginResetModel();
        m_table = std::move(table);
        endResetModel();
        return;
    }
    m_table = std::move(table);
    if (rowCount() > 0)
        emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

int FormatTableModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() || !m_table ? 0 : static_cast<int>(m_table->rows.size());
}

int FormatTableModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QString FormatTableModel::text(const NumberLineRow &row, int column) const {
    const double error = row.error.squaredError();
    switch (column) {
    case Format:
        return rowTitle(row);
    case Bits:
        return QString::number(row.format->bits);
    case Range:
        return QString::fromStdString(clipChoiceText(row.choice));
    case Clip:
        return tr("%1 … %2").arg(formatNumber(row.clip.lo), formatNumber(row.clip.hi));
    case Scale:
        return formatNumber(row.points.scale);
    case ZeroPoint:
        return row.format->isInteger() ? QString::number(row.points.zeroPoint) : kNoValueText;
    case Mse:
        return row.error.count > 0 ? formatNumber(row.error.mse()) : kNoValueText;
    case Sqnr:
        return row.error.count > 0 ? formatDb(row.error.sqnrDb()) : kNoValueText;
    case Clipped:
        return formatShare(row.error.clippedShare());
    case ClippingError:
        return error > 0 ? formatShare(row.error.clippingError / error) : kNoValueText;
    case UsedPoints:
        return tr("%1 of %2").arg(row.error.usedPoints()).arg(row.points.values.size());
    default:
        return {};
    }
}

QVariant FormatTableModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const NumberLineRow &row = m_table->rows[static_cast<std::size_t>(index.row())];
    const bool isBest = index.row() == m_table->best;
    switch (role) {
    case Qt::DisplayRole:
        if (index.column() == Format && isBest)
            return QStringLiteral("★ ") + text(row, Format);
        if (isMeasured(index.column()) && !m_table->values->sorted.isExact())
            return QStringLiteral("≈ ") + text(row, index.column());
        return text(row, index.column());
    case CopyRole:
        return text(row, index.column());
    case Qt::FontRole:
        if (isBest) {
            QFont font;
            font.setBold(true);
            return font;
        }
        return {};
    case Qt::TextAlignmentRole:
        return QVariant(
            (index.column() == Format || index.column() == Range ? Qt::AlignLeft : Qt::AlignRight) |
            Qt::AlignVCenter);
    case Qt::ToolTipRole:
        return tr("%1\nSource: %2").arg(text(row, Format), QString::fromStdString(row.format->source));
    default:
        return {};
    }
}

QVariant FormatTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount)
        return {};
    if (role == Qt::DisplayRole)
        return translated(kHeadings[section].name);
    if (role == Qt::ToolTipRole)
        return translated(kHeadings[section].tip);
    if (role == Qt::TextAlignmentRole)
        return QVariant((section == Format || section == Range ? Qt::AlignLeft : Qt::AlignRight) |
                        Qt::AlignVCenter);
    return {};
}

} // namespace qs::views
