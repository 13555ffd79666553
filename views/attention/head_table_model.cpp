#include "views/attention/head_table_model.h"

#include "views/shared/format_text.h"

namespace qs::views {

namespace {

enum class Form { Number, Share, Count, Decibel };

/// One number of a head.
struct HeadColumn {
    const char *title;
    const char *formula;
    Form form;
    bool needsQuantized;
    std::optional<double> (*value)(const AttentionHead &);
};

const std::vector<HeadColumn> &allColumns() {
    using Head = const AttentionHead &;
    static const std::vector<HeadColumn> columns = {
        {"entropy", "mean over queries of −Σ p ln p, nats", Form::Number, false,
         [](Head head) -> std::optional<double> { return head.reference.entropy; }},
        {"of ln n", "mean of entropy ÷ ln n, n keys that a query can see: 0 one key, 1 all alike",
         Form::Number, false, [](Head head) { return head.reference.normalizedEntropy; }},
        {"sink", "attention to the first key, mean over queries that see others too", Form::Share, false,
         [](Head head) { return head.reference.sinkShare; }},
        {"top key", "key (token index) that receives most attention", Form::Count, false,
         [](Head head) -> std::optional<double> {
             return head.reference.strongestKey < 0 ? std::nullopt
                                                    : std::optional(double(head.reference.strongestKey));
         }},
        {"its share", "share of all attention that the top key receives", Form::Share, false,
         [](Head head) -> std::optional<double> { return head.reference.strongestShare; }},
        {"distance", "mean of |query − key| in token positions, weighted by attention", Form::Number, false,
         [](Head head) { return head.reference.meanDistance; }},
        {"rel. L1", "Σ |quantized − float| ÷ Σ float, probabilities", Form::Number, true,
         [](Head head) { return head.agreement ? std::optional(head.agreement->relativeL1) : std::nullopt; }},
        {"cosine", "between the float and the quantized map", Form::Number, true,
         [](Head head) { return head.agreement ? std::optional(head.agreement->cosine) : std::nullopt; }},
        {"KL", "mean over queries of Σ p ln (p ÷ quantized p), nats", Form::Number, true,
         [](Head head) { return head.agreement ? std::optional(head.agreement->meanKl) : std::nullopt; }},
        {"top 5 kept", "share of each query's five strongest keys that stay among the five strongest",
         Form::Share, true,
         [](Head head) {
             return head.agreement ? std::optional(head.agreement->topKeysKept) : std::nullopt;
         }},
        {"output SQNR", "of the head's output P·V", Form::Decibel, true,
         [](Head head) {
             return head.outputError ? std::optional(head.outputError->sqnrDb()) : std::nullopt;
         }},
    };
    return columns;
}

constexpr int kNameColumns = 2;

QString textOf(std::optional<double> value, Form form) {
    if (!value)
        return kNoValueText;
    switch (form) {
    case Form::Share:
        return formatShare(*value);
    case Form::Decibel:
        return formatDb(*value);
    case Form::Count:
    case Form::Number:
        break;
    }
    return formatNumber(*value);
}

QString columnTitle(const char *title) {
    return QCoreApplication::translate("Attention", title);
}

} // namespace

void HeadTableModel::setSurvey(std::shared_ptr<const AttentionSurvey> survey) {
    beginResetModel();
    m_survey = std::move(survey);
    m_rows.clear();
    for (std::size_t layer = 0; m_survey && layer < m_survey->layers.size(); ++layer)
        for (std::size_t head = 0; head < m_survey->layers[layer]->heads.size(); ++head)
            m_rows.push_back({layer, head});
    endResetModel();
}

int HeadTableModel::rowOf(int block, int head) const {
    const auto found = std::find_if(m_rows.begin(), m_rows.end(), [&](const Place &place) {
        return m_survey->layers[place.layer]->block == static_cast<std::size_t>(block) &&
               place.head == static_cast<std::size_t>(head);
    });
    return found == m_rows.end() ? -1 : static_cast<int>(found - m_rows.begin());
}

int HeadTableModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int HeadTableModel::columnCount(const QModelIndex &parent) const {
    if (parent.isValid())
        return 0;
    const auto &columns = allColumns();
    const bool quantized = m_survey && m_survey->hasQuantized;
    return kNameColumns +
           static_cast<int>(std::count_if(columns.begin(), columns.end(), [&](const auto &column) {
               return quantized || !column.needsQuantized;
           }));
}

QVariant HeadTableModel::data(const QModelIndex &index, int role) const {
    if (!index.isValid() || index.row() >= rowCount())
        return {};
    const Place &place = m_rows[static_cast<std::size_t>(index.row())];
    const AttentionLayer &layer = *m_survey->layers[place.layer];
    const int column = index.column();
    if (role == BlockRole)
        return static_cast<int>(layer.block);
    if (role == HeadRole)
        return static_cast<int>(place.head);
    if (role == Qt::TextAlignmentRole)
        return QVariant::fromValue(Qt::AlignVCenter | (column == 0 ? Qt::AlignLeft : Qt::AlignRight));
    if (role != Qt::DisplayRole && role != SortRole)
        return {};
    if (column == 0)
        return role == SortRole ? QVariant(static_cast<int>(layer.block))
                                : QString::fromStdString(m_survey->attention->blocks[layer.block].name);
    if (column == 1)
        return static_cast<int>(place.head);
    const HeadColumn &shown = allColumns()[static_cast<std::size_t>(column - kNameColumns)];
    const std::optional<double> value = shown.value(layer.heads[place.head]);
    if (role == SortRole)
        return value.value_or(-std::numeric_limits<double>::infinity());
    return textOf(value, shown.form);
}

QVariant HeadTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || (role != Qt::DisplayRole && role != Qt::ToolTipRole))
        return {};
    if (section < kNameColumns)
        return section == 0 ? tr("attention") : tr("head");
    const HeadColumn &column = allColumns()[static_cast<std::size_t>(section - kNameColumns)];
    return columnTitle(role == Qt::DisplayRole ? column.title : column.formula);
}

QString headToolTip(const AttentionSurvey &survey, std::size_t layer, std::size_t head) {
    const AttentionHead &measured = survey.layers[layer]->heads[head];
    QString text =
        QObject::tr("%1, head %2")
            .arg(QString::fromStdString(survey.attention->blocks[survey.layers[layer]->block].name))
            .arg(head);
    for (const HeadColumn &column : allColumns())
        if (const auto value = column.value(measured))
            text += QStringLiteral("\n%1 %2").arg(columnTitle(column.title), textOf(value, column.form));
    const AttentionHeadMetrics &metrics = measured.reference;
    if (metrics.nonFiniteRows + metrics.emptyRows > 0)
        text += QObject::tr("\n%1 queries have NaN or no key (magenta)")
                    .arg(metrics.nonFiniteRows + metrics.emptyRows);
    return text;
}

} // namespace qs::views
