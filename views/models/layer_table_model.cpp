#include "views/models/layer_table_model.h"

#include "core/tensor/outlier_score.h"
#include "views/shared/format_text.h"
#include "views/shared/icons.h"
#include "views/shared/recipe_text.h"

#include <QGuiApplication>
#include <QPalette>
#include <QRegularExpression>

namespace qs::views {
namespace {

struct ColumnText {
    const char *title;
    const char *toolTip;
};

const ColumnText &columnText(int column) {
    static const ColumnText texts[LayerTableModel::ColumnCount] = {
        {"Layer", "A node with a constant weight, named after its place in the model."},
        {"Kind", "Linear (MatMul, Gemm), convolution or embedding (Gather)."},
        {"Shape", "Shape of the weight as stored in the file."},
        {"Params", "Number of weights."},
        {"‖Δ‖", "Frobenius norm of the difference of the two checkpoints: √Σ(tuned − base)²."},
        {"‖Δ‖ / ‖base‖\n%", "The same over the norm of the base: how far fine-tuning moved this layer."},
        {"Outliers\n× median",
         "Outlier score of the activation that enters: its largest over its median channel "
         "magnitude (max |x| of each channel). 1: all channels alike; above 8: outlier channels. "
         "Needs a calibration."},
        {"Method", "Quantizer of the weight. Grey: what the recipe plans; it was not run yet."},
        {"Bits", "Bits of one code of the weight; A8: the activation that enters is quantized to 8 bit."},
        {"Eff. bits", "Bits stored per weight, all in: codes + scales + zero points + group indices."},
        {"W SQNR\ndB",
         "Signal to quantization noise of the weight w, in dB: 10 log10(Σw² / Σ(w−ŵ)²). Higher is better."},
        {"Out SQNR\ndB",
         "The same for this layer's output y with only this layer quantized and the float network before "
         "it, in dB: 10 log10(Σy² / Σ(y−ŷ)²). Higher is better."},
        {"Network",
         "Effect on the output of the whole model when only this layer is quantized as in the run."},
        {"Sensit.",
         "Effect on the output of the whole model when only this layer is quantized, at the bit-width "
         "chosen above; measured by Run > Measure sensitivity."},
    };
    return texts[column];
}

bool isNumeric(int column) {
    return column == LayerTableModel::ParametersColumn || column == LayerTableModel::DeltaNormColumn ||
           column == LayerTableModel::RelativeNormColumn || column == LayerTableModel::OutlierColumn ||
           column >= LayerTableModel::BitsColumn;
}

QVariant alignment(int column) {
    return {Qt::AlignVCenter | (isNumeric(column) ? Qt::AlignRight : Qt::AlignLeft)};
}

QString shapeText(const Shape &shape) {
    QStringList dims;
    for (const std::int64_t dim : shape)
        dims << QString::number(dim);
    return dims.join(QStringLiteral("×"));
}

QString shortMetricName(Metric metric) {
    switch (metric) {
    case Metric::OutputSqnr:
        return QStringLiteral("SQNR");
    case Metric::OutputMse:
        return QStringLiteral("MSE");
    case Metric::Kl:
        return QStringLiteral("KL");
    case Metric::Top1Agreement:
        return LayerTableModel::tr("agree");
    case Metric::Top1:
        return QStringLiteral("top-1");
    case Metric::Perplexity:
        return QStringLiteral("PPL");
    }
    return {};
}

bool failed(const LayerResult *result) {
    return result && result->state == LayerResult::State::Failed;
}

} // namespace

void LayerTableModel::setData(LayerTableData data) {
    const bool sameModel = data.model == m_data.model;
    const bool samePlan = sameModel && data.recipe == m_data.recipe;
    const bool sameCapture = sameModel && data.capture == m_data.capture;
    if (!sameModel)
        beginResetModel();
    m_data = std::move(data);
    if (!samePlan) {
        m_plan.clear();
        for (int row = 0; row < rowCount(); ++row)
            m_plan.push_back(m_data.recipe.choiceFor(layer(row).name));
    }
    if (!sameCapture)
        m_outlierScores = outlierScores();
    if (!sameModel)
        endResetModel();
    else if (rowCount() > 0)
        emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
    emit headerDataChanged(Qt::Horizontal, 0, ColumnCount - 1);
}

std::vector<std::optional<double>> LayerTableModel::outlierScores() const {
    std::vector<std::optional<double>> scores;
    if (!m_data.capture || m_data.capture->layers.size() != static_cast<std::size_t>(rowCount()))
        return scores;
    for (const auto &layer : m_data.capture->layers) {
        const double score = layer ? outlierScore(channelMagnitudes(*layer)) : 0;
        scores.push_back(score > 0 ? std::optional(score) : std::nullopt);
    }
    return scores;
}

int LayerTableModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() || !m_data.model ? 0 : static_cast<int>(m_data.model->layers.size());
}

int LayerTableModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

const LayerResult *LayerTableModel::result(int row) const {
    const auto index = static_cast<std::size_t>(row);
    return m_data.run && index < m_data.run->layers.size() ? m_data.run->layers[index].get() : nullptr;
}

const LayerChoice &LayerTableModel::choice(int row) const {
    const LayerResult *layerResult = result(row);
    return layerResult ? layerResult->choice : m_plan[static_cast<std::size_t>(row)];
}

std::optional<double> LayerTableModel::sensitivity(int row) const {
    const auto &table = m_data.sensitivity;
    if (!table)
        return {};
    const auto bits = std::find(table->bits.begin(), table->bits.end(), m_data.sensitivityBits);
    const auto found = std::find(table->layers.begin(), table->layers.end(), row);
    if (bits == table->bits.end() || found == table->layers.end())
        return {};
    const auto &cell = table->cell(static_cast<std::size_t>(found - table->layers.begin()),
                                   static_cast<std::size_t>(bits - table->bits.begin()));
    return cell ? metricValue(cell->network, m_data.metric) : std::nullopt;
}

const WeightChange *LayerTableModel::change(int row) const {
    const auto index = static_cast<std::size_t>(row);
    return m_data.changes && index < m_data.changes->size() ? &(*m_data.changes)[index] : nullptr;
}

std::optional<double> LayerTableModel::number(int row, int column) const {
    switch (column) {
    case ShapeColumn:
    case ParametersColumn:
        return static_cast<double>(layer(row).parameters());
    case DeltaNormColumn:
        return change(row) ? std::optional(change(row)->deltaNorm()) : std::nullopt;
    case RelativeNormColumn:
        return change(row) ? std::optional(100 * change(row)->relativeNorm()) : std::nullopt;
    case OutlierColumn:
        return m_outlierScores.empty() ? std::nullopt : m_outlierScores[static_cast<std::size_t>(row)];
    case BitsColumn:
        return choice(row).weight ? choice(row).weight->scheme.grid.bits
               : result(row)      ? result(row)->bits.codes // of the file, where it is not float32
                                  : 32;
    case SensitivityColumn:
        return sensitivity(row);
    default:
        break;
    }
    const LayerResult *layerResult = result(row);
    return layerResult ? resultNumber(*layerResult, column) : std::nullopt;
}

std::optional<double> LayerTableModel::resultNumber(const LayerResult &result, int column) const {
    switch (column) {
    case EffectiveBitsColumn:
        return result.bits.effective();
    case WeightSqnrColumn:
        return result.weightSqnrDb();
    case OutputSqnrColumn:
        return result.outputSqnrDb();
    case NetworkColumn:
        return result.network ? metricValue(*result.network, m_data.metric) : std::nullopt;
    default:
        return {};
    }
}

QString LayerTableModel::methodText(int row) const {
    if (failed(result(row)))
        return tr("failed");
    const auto &weight = choice(row).weight;
    if (!weight)
        return tr("float");
    QString method = QString::fromStdString(weight->method).toUpper();
    if (weight->scheme.granularity == Granularity::PerGroup)
        method = tr("%1 g%2").arg(method).arg(weight->scheme.groupSize);
    if (weight->branch)
        method += QStringLiteral(" + ") + QString::fromStdString(weight->branch->method).toUpper();
    for (const CorrectionInfo &correction : corrections())
        if (weight->corrects(correction.kind))
            method += QStringLiteral(" + ") + QString::fromUtf8(correction.suffix);
    return method;
}

QString LayerTableModel::text(int row, int column) const {
    const std::optional<double> value = number(row, column);
    switch (column) {
    case NameColumn:
        return QString::fromStdString(layer(row).name);
    case KindColumn:
        return QString::fromLatin1(layerKindName(layer(row).kind));
    case ShapeColumn:
        return shapeText(layer(row).weightShape);
    case ParametersColumn:
        return formatCount(layer(row).parameters());
    case DeltaNormColumn:
    case RelativeNormColumn:
    case OutlierColumn:
        return value ? formatNumber(*value, 3) : kNoValueText;
    case MethodColumn:
        return methodText(row);
    case BitsColumn: {
        const auto &activation = choice(row).activation;
        const QString bits = QString::number(static_cast<int>(*value));
        if (!activation || layer(row).kind == LayerKind::Embedding) // which reads indices
            return bits;
        const QString text = tr("%1 · A%2").arg(bits).arg(activation->grid.bits);
        return activation->scale == ActivationScale::Static
                   ? text
                   : tr("%1 %2").arg(text, QLatin1String(activationScaleName(activation->scale)));
    }
    case EffectiveBitsColumn:
        return value ? QString::number(*value, 'f', 2) : kNoValueText;
    case WeightSqnrColumn:
    case OutputSqnrColumn:
        return formatWithoutUnit(value, QStringLiteral("dB"));
    default:
        return formatWithoutUnit(value, QString::fromUtf8(metricInfo(m_data.metric).unit), 3);
    }
}

/// What is not known of the activation's range, since calibration counts values in bins.
QString LayerTableModel::rangeText(int row) const {
    const auto bound = m_data.run ? m_data.run->activationRangeBound(row) : std::nullopt;
    return bound ? tr("\nThe activation's range is the percentile of the bins of calibration: %1.")
                       .arg(QString::fromStdString(rangeBoundText(*bound)))
                 : QString();
}

QString LayerTableModel::toolTip(int row, int column) const {
    const LayerResult *layerResult = result(row);
    if (failed(layerResult))
        return tr("Kept in float because the method failed: %1")
            .arg(QString::fromStdString(layerResult->failure));
    if (column == MethodColumn || column == BitsColumn)
        return layerResult ? choiceText(choice(row)) + rangeText(row)
                           : tr("Planned: %1").arg(choiceText(choice(row)));
    if (column == EffectiveBitsColumn && layerResult) {
        const BitsBreakdown &bits = layerResult->bits;
        return tr("codes %1 + scales %2 + zero points %3 + indices %4 + kept weights %5 + branch %6 bits per "
                  "weight")
            .arg(formatNumber(bits.codes), formatNumber(bits.scales), formatNumber(bits.zeroPoints),
                 formatNumber(bits.indices), formatNumber(bits.outliers), formatNumber(bits.branch));
    }
    if (const WeightChange *found = change(row);
        found && (column == DeltaNormColumn || column == RelativeNormColumn))
        return tr("‖base‖ %1, ‖Δ‖ %2, largest |Δ| %3, mean |Δ| %4, cosine of tuned and base %5, %6 unchanged")
            .arg(formatNumber(found->baseNorm()), formatNumber(found->deltaNorm()),
                 formatNumber(found->largest), formatNumber(found->meanMagnitude()),
                 formatNumber(found->cosine(), 6), formatShare(found->unchangedShare()));
    return column == NameColumn ? text(row, column) : QString();
}

QVariant LayerTableModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const int row = index.row(), column = index.column();
    switch (role) {
    case Qt::DisplayRole:
        return text(row, column);
    case Qt::ToolTipRole:
        return toolTip(row, column);
    case Qt::TextAlignmentRole:
        return alignment(column);
    case Qt::DecorationRole:
        return column == NameColumn && failed(result(row)) ? QVariant(severityIcon(Severity::Error))
                                                           : QVariant();
    case Qt::ForegroundRole:
        if ((column == MethodColumn || column == BitsColumn) && !result(row))
            return QGuiApplication::palette().brush(QPalette::PlaceholderText);
        return {};
    case SortRole: {
        if (column != ShapeColumn && !isNumeric(column))
            return text(row, column);
        const std::optional<double> value = number(row, column);
        return value ? QVariant(*value) : QVariant();
    }
    case LayerIdRole:
        return row;
    default:
        return {};
    }
}

QString LayerTableModel::title(int column) const {
    if (column != NetworkColumn && column != SensitivityColumn)
        return tr(columnText(column).title);
    const MetricInfo &metric = metricInfo(m_data.metric);
    const QString measure =
        QStringLiteral("%1 %2").arg(shortMetricName(metric.metric), QString::fromUtf8(metric.unit));
    const QString name =
        column == NetworkColumn ? tr("Network") : tr("Sensit. %1 bit").arg(m_data.sensitivityBits);
    return name + '\n' + measure.trimmed();
}

QVariant LayerTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount)
        return {};
    const MetricInfo &metric = metricInfo(m_data.metric);
    switch (role) {
    case Qt::DisplayRole:
        return title(section);
    case Qt::ToolTipRole: {
        const QString text = tr(columnText(section).toolTip);
        if (section != NetworkColumn && section != SensitivityColumn)
            return text;
        return tr("%1\n%2: %3. %4 is better.")
            .arg(text, QString::fromUtf8(metric.name), QString::fromUtf8(metric.formula),
                 metric.higherIsBetter ? tr("Higher") : tr("Lower"));
    }
    case Qt::TextAlignmentRole:
        return alignment(section);
    default:
        return {};
    }
}

bool LayerTableProxy::filterAcceptsRow(int row, const QModelIndex &parent) const {
    const QRegularExpression pattern = filterRegularExpression();
    for (const int column :
         {LayerTableModel::NameColumn, LayerTableModel::KindColumn, LayerTableModel::MethodColumn}) {
        if (pattern.match(sourceModel()->index(row, column, parent).data().toString()).hasMatch())
            return true;
    }
    return false;
}

bool LayerTableProxy::lessThan(const QModelIndex &left, const QModelIndex &right) const {
    const QVariant a = left.data(LayerTableModel::SortRole), b = right.data(LayerTableModel::SortRole);
    if (a.isValid() && b.isValid())
        return QVariant::compare(a, b) == QPartialOrdering::Less;
    // In descending order the proxy swaps the sides, so "less" must swap too for absent values to stay last.
    return a.isValid() != b.isValid() && a.isValid() == (sortOrder() == Qt::AscendingOrder);
}

} // namespace qs::views
