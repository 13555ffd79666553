#include "views/roofline/operator_model.h"

#include "core/base/number_text.h"
#include "views/shared/format_text.h"

namespace qs::views {

namespace {

QString metric(double value, const char *unit) {
    return QString::fromStdString(metricText(value, unit));
}

QString roofText(const OperatorCost &cost) {
    if (!cost.roof)
        return kNoValueText;
    const std::string_view name = computeTypeName(cost.roof->type);
    return QString::fromLatin1(name.data(), static_cast<int>(name.size()));
}

} // namespace

QString operatorToolTip(const Roofline &line, const OperatorCost &cost) {
    const auto tr = [](const char *text) {
        return QCoreApplication::translate("qs::views::OperatorModel", text);
    };
    const OperatorWork &work = cost.work;
    const Traffic &bytes = work.bytes;
    QString text =
        QString::fromStdString(work.name) + QStringLiteral(" · ") + QString::fromStdString(line.name);
    text += tr("\noperations: %1 = %2")
                .arg(metric(work.operations, "OP"), QString::fromStdString(work.operationsFormula));
    text +=
        tr("\nbytes: %1 = weights %2 + in %3 + out %4 + cache in %5 + cache out %6")
            .arg(metric(bytes.total(), "B"), metric(bytes.weights, "B"), metric(bytes.activationsIn, "B"),
                 metric(bytes.activationsOut, "B"), metric(bytes.cacheIn, "B"), metric(bytes.cacheOut, "B"));
    text += QStringLiteral("\n    ") + QString::fromStdString(work.bytesFormula);
    text += tr("\nintensity: %1 OP/B = operations / bytes").arg(formatNumber(cost.intensity, 3));
    if (cost.roof)
        text += tr("; ridge %1 OP/B = %2 / %3")
                    .arg(formatNumber(cost.ridge(), 3), metric(cost.roof->operationsPerSecond, "OP/s"),
                         metric(cost.bytesPerSecond, "B/s"));
    text += tr("\ntime: %1 = %2 × max(operations / rate, bytes / bandwidth); bound by %3, %4 of the pass")
                .arg(metric(cost.seconds, "s"), formatNumber(work.repeats),
                     QString::fromLatin1(boundName(cost.bound)),
                     formatShare(line.seconds > 0 ? cost.seconds / line.seconds : 0));
    if (work.matrix)
        text += tr("\nrate: %1, for operands of %2 and %3 bit")
                    .arg(roofText(cost), formatNumber(work.leftBits), formatNumber(work.rightBits));
    return text;
}

void OperatorModel::setStudy(std::shared_ptr<const RooflineStudy> study, int precision) {
    beginResetModel();
    m_study = std::move(study);
    m_precision = precision;
    if (m_study && static_cast<std::size_t>(precision) >= m_study->precisions.size())
        m_study = nullptr;
    endResetModel();
}

int OperatorModel::rowOf(const std::string &name) const {
    for (int row = 0; row < rowCount(); ++row)
        if (cost(row).work.name == name)
            return row;
    return -1;
}

int OperatorModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() || !m_study ? 0 : static_cast<int>(line().operators.size());
}

int OperatorModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QString OperatorModel::text(const OperatorCost &cost, int column) const {
    switch (column) {
    case Name:
        return QString::fromStdString(cost.work.name);
    case Kind:
        return QString::fromLatin1(operatorKindName(cost.work.kind));
    case Repeats:
        return formatNumber(cost.work.repeats);
    case RoofType:
        return roofText(cost);
    case Operations:
        return metric(cost.work.operations, "OP");
    case Bytes:
        return metric(cost.work.bytes.total(), "B");
    case Intensity:
        return formatNumber(cost.intensity, 3);
    case Time:
        return metric(cost.seconds, "s");
    case Share:
        return formatShare(line().seconds > 0 ? cost.seconds / line().seconds : 0);
    case BoundBy:
        return QString::fromLatin1(boundName(cost.bound));
    default:
        return {};
    }
}

QVariant OperatorModel::sortValue(const OperatorCost &cost, int column) const {
    switch (column) {
    case Repeats:
        return cost.work.repeats;
    case Operations:
        return cost.work.operations;
    case Bytes:
        return cost.work.bytes.total();
    case Intensity:
        return cost.intensity;
    case Time:
    case Share:
        return cost.seconds;
    default:
        return text(cost, column);
    }
}

QVariant OperatorModel::data(const QModelIndex &index, int role) const {
    if (!index.isValid() || !m_study)
        return {};
    const OperatorCost &shown = cost(index.row());
    const bool isText = index.column() == Name || index.column() == Kind || index.column() == RoofType ||
                        index.column() == BoundBy;
    switch (role) {
    case Qt::DisplayRole:
        return text(shown, index.column());
    case SortRole:
        return sortValue(shown, index.column());
    case Qt::ToolTipRole:
        return operatorToolTip(line(), shown);
    case Qt::TextAlignmentRole:
        return QVariant((isText ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    default:
        return {};
    }
}

QVariant OperatorModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    const QString titles[] = {tr("Operator"), tr("Kind"),    tr("×"),    tr("Rate"),  tr("Operations"),
                              tr("Bytes"),    tr("OP/byte"), tr("Time"), tr("Share"), tr("Bound by")};
    return section >= 0 && section < ColumnCount ? QVariant(titles[section]) : QVariant();
}

} // namespace qs::views
