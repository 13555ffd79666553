#include "views/attention/attention_details.h"

#include "views/attention/attention_charts.h"
#include "views/attention/head_table_model.h"
#include "views/attention/picture_overlay.h"
#include "views/shared/find_bar.h"
#include "views/shared/flow_layout.h"
#include "views/shared/format_text.h"
#include "views/shared/table_tools.h"

#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QSpinBox>
#include <QStackedLayout>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

AttentionDetails::AttentionDetails(QWidget *parent)
    : QTabWidget(parent), m_heads(new HeadTableModel(this)), m_sorted(new QSortFilterProxyModel(this)),
      m_table(new QTableView), m_queryBox(new QSpinBox), m_keyBox(new QSpinBox),
      m_normalization(new QComboBox), m_kv(new QComboBox), m_saliencyNote(new QLabel),
      m_picture(new PictureOverlay), m_noPicture(new QLabel) {
    for (int i = 0; i < ChartCount; ++i)
        m_charts.push_back(new LineChart);
    m_normalization->addItem(tr("normalised"), true);
    m_normalization->addItem(tr("accumulated"), false);
    m_normalization->setToolTip(tr("accumulated: Σ over queries of the attention to each token (over all "
                                   "layers: token importance, SGL)\n"
                                   "normalised: divided by the queries that can see the token, as in "
                                   "ZipCache: late tokens are not punished"));
    m_kv->addItem(tr("K"), false);
    m_kv->addItem(tr("V"), true);
    m_kv->setToolTip(tr("Keys or values of each K/V head, as the attention products read them"));
    addTab(makeTable(), tr("Heads"));
    addTab(makeLines(), tr("Row, column"));
    auto *saliency = makePage(tr("Saliency"), m_normalization, SaliencyChart);
    m_saliencyNote->setWordWrap(true);
    m_saliencyNote->setMargin(4);
    saliency->layout()->addWidget(m_saliencyNote);
    addTab(saliency, tr("Tokens"));
    addTab(m_charts[DistanceChart], tr("Distance"));
    addTab(makePage(tr("Of"), m_kv, KvChart), tr("K and V"));
    auto *pages = new QWidget;
    auto *stack = new QStackedLayout(pages);
    m_noPicture->setWordWrap(true);
    m_noPicture->setAlignment(Qt::AlignCenter);
    m_noPicture->setMargin(16);
    stack->addWidget(m_noPicture);
    stack->addWidget(m_picture);
    addTab(pages, tr("Picture"));
    connect(m_normalization, &QComboBox::currentIndexChanged, this, &AttentionDetails::refreshCharts);
    connect(m_kv, &QComboBox::currentIndexChanged, this, &AttentionDetails::refreshCharts);
    connect(m_picture, &PictureOverlay::tokenPicked, this,
            [this](qint64 token) { emit positionPicked(token, m_key); });
}

QWidget *AttentionDetails::makeTable() {
    m_sorted->setSourceModel(m_heads);
    m_sorted->setSortRole(HeadTableModel::SortRole);
    m_table->setModel(m_sorted);
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(0, Qt::AscendingOrder);
    setUpTable(*m_table, tr("Attention heads in numbers"), Qt::DisplayRole);
    m_table->horizontalHeader()->setMaximumSectionSize(200);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &row) {
                if (row.isValid() && !m_following)
                    emit headPicked(row.data(HeadTableModel::BlockRole).toInt(),
                                    row.data(HeadTableModel::HeadRole).toInt());
            });
    return withFindBar(*m_table);
}

QWidget *AttentionDetails::makeLines() {
    auto *page = new QWidget;
    auto *layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 0, 0, 0);
    auto *controls = new QWidget;
    auto *flow = new FlowLayout(controls);
    flow->addPair(tr("Query (row)"), m_queryBox);
    flow->addPair(tr("Key (column)"), m_keyBox);
    m_queryBox->setToolTip(tr("Token that looks; a click into the map sets both"));
    m_keyBox->setToolTip(tr("Token that is looked at"));
    for (QSpinBox *box : {m_queryBox, m_keyBox}) {
        box->setKeyboardTracking(false);
        box->setRange(0, 0);
        connect(box, &QSpinBox::valueChanged, this,
                [this] { emit positionPicked(m_queryBox->value(), m_keyBox->value()); });
    }
    layout->addWidget(controls);
    layout->addWidget(m_charts[RowChart], 1);
    layout->addWidget(m_charts[ColumnChart], 1);
    return page;
}

QWidget *AttentionDetails::makePage(const QString &caption, QWidget *control, Chart chart) {
    auto *page = new QWidget;
    auto *layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 0, 0, 0);
    auto *controls = new QWidget;
    auto *flow = new FlowLayout(controls);
    flow->addPair(caption, control);
    layout->addWidget(controls);
    layout->addWidget(m_charts[static_cast<std::size_t>(chart)], 1);
    return page;
}

void AttentionDetails::setSurvey(std::shared_ptr<const AttentionSurvey> survey) {
    m_survey = std::move(survey);
    m_following = true;
    m_heads->setSurvey(m_survey);
    m_following = false;
    m_table->resizeColumnsToContents();
    refreshCharts();
    refreshPicture();
    followTable();
}

void AttentionDetails::setChoice(const AttentionMapChoice &choice, AttentionVariant variant) {
    m_choice = choice;
    m_variant = variant;
    refreshCharts();
    refreshPicture();
    followTable();
}

void AttentionDetails::followTable() {
    m_following = true;
    showRow(*m_table, *m_sorted, m_heads->rowOf(m_choice.block, m_choice.head));
    m_following = false;
}

void AttentionDetails::setMap(std::shared_ptr<const AttentionMapContent> map) {
    m_map = std::move(map);
    const QSignalBlocker queryBlocker(m_queryBox), keyBlocker(m_keyBox);
    m_queryBox->setRange(0, m_map ? static_cast<int>(m_map->reference->rows()) - 1 : 0);
    m_keyBox->setRange(0, m_map ? static_cast<int>(m_map->reference->cols()) - 1 : 0);
    m_queryBox->setEnabled(m_map != nullptr);
    m_keyBox->setEnabled(m_map != nullptr);
    setPosition(m_query, m_key);
}

void AttentionDetails::setPosition(std::int64_t query, std::int64_t key) {
    m_query = m_map ? std::clamp<std::int64_t>(query, 0, m_map->reference->rows() - 1) : query;
    m_key = m_map ? std::clamp<std::int64_t>(key, 0, m_map->reference->cols() - 1) : key;
    const QSignalBlocker queryBlocker(m_queryBox), keyBlocker(m_keyBox);
    m_queryBox->setValue(static_cast<int>(m_query));
    m_keyBox->setValue(static_cast<int>(m_key));
    refreshLines();
    refreshPicture();
}

void AttentionDetails::refreshLines() {
    LineChartContent none;
    none.whyEmpty = tr("Choose one head, or the mean, to draw a row and a column of its map.");
    m_charts[RowChart]->setContent(m_map ? rowContent(*m_map, m_query) : none);
    m_charts[ColumnChart]->setContent(m_map ? columnContent(*m_map, m_key) : LineChartContent{});
    m_charts[ColumnChart]->setVisible(m_map != nullptr);
}

void AttentionDetails::refreshCharts() {
    const bool normalized = m_normalization->currentData().toBool(), values = m_kv->currentData().toBool();
    m_charts[SaliencyChart]->setContent(m_survey ? saliencyContent(*m_survey, m_choice, normalized)
                                                 : LineChartContent{});
    m_charts[DistanceChart]->setContent(m_survey ? distanceContent(*m_survey, m_choice) : LineChartContent{});
    m_charts[KvChart]->setContent(m_survey ? kvContent(*m_survey, m_choice, values) : LineChartContent{});
    m_saliencyNote->clear();
    const auto block = static_cast<std::size_t>(m_choice.block);
    if (m_survey && m_choice.block >= 0 && block < m_survey->ranks.size())
        m_saliencyNote->setText(
            tr("This layer alone ranks the tokens as all layers do: Kendall's τ %1, %2 of the most "
               "important tenth is the same.")
                .arg(formatNumber(m_survey->ranks[block].tau, 3),
                     formatShare(m_survey->ranks[block].topTenthKept)));
    else if (m_survey && m_survey->complete && m_survey->importance.empty())
        m_saliencyNote->setText(tr("Layers see different tokens: there is no importance over all of them."));
}

void AttentionDetails::refreshPicture() {
    auto *stack = static_cast<QStackedLayout *>(m_picture->parentWidget()->layout());
    const QImage picture = m_survey ? pictureOf(m_survey->inputs) : QImage();
    const HeatMapData *data = m_map ? m_map->of(m_variant) : nullptr;
    if (m_map && m_variant == AttentionVariant::Difference)
        data = m_map->reference.get(); // a difference has no place on a picture
    std::optional<TokenGrid> grid;
    if (data && !picture.isNull())
        grid = guessTokenGrid(data->cols(), picture.height(), picture.width());
    stack->setCurrentWidget(grid ? static_cast<QWidget *>(m_picture) : m_noPicture);
    if (!grid) {
        m_noPicture->setText(picture.isNull() ? tr("This model reads no picture.")
                             : !data
                                 ? tr("Choose one head, or the mean, to lay its attention over the picture.")
                                 : tr("%1 tokens do not fit on a picture of %2 × %3 pixels.")
                                       .arg(data->cols())
                                       .arg(picture.width())
                                       .arg(picture.height()));
        return;
    }
    std::vector<float> weights;
    for (std::int64_t key = 0; key < data->cols(); ++key)
        weights.push_back(data->value(m_query, key));
    m_picture->setPicture(picture, *grid);
    m_picture->setAttention(std::move(weights), m_query,
                            data == m_map->quantized.get() ? tr("quantized") : tr("float"));
}

} // namespace qs::views
