#pragma once

#include "views/attention/attention_controls.h"

#include <QTabWidget>

class QComboBox;
class QLabel;
class QSortFilterProxyModel;
class QSpinBox;
class QTableView;

namespace qs::views {

class HeadTableModel;
class LineChart;
class PictureOverlay;

/// Tabs beside the maps: numbers of all heads, one row and one column of the map, token saliency, distance
/// profile, K and V, and for pictures the attention of a patch.
class AttentionDetails : public QTabWidget {
    Q_OBJECT
public:
    explicit AttentionDetails(QWidget *parent = nullptr);

    void setSurvey(std::shared_ptr<const AttentionSurvey> survey); ///< may be null
    /// What the charts are about.
    void setChoice(const AttentionMapChoice &choice, AttentionVariant variant);
    void setMap(std::shared_ptr<const AttentionMapContent> map); ///< may be null: none is shown in full
    void setPosition(std::int64_t query, std::int64_t key);
    const LineChart &chart(int index) const { return *m_charts[static_cast<std::size_t>(index)]; }

    enum Chart { RowChart, ColumnChart, SaliencyChart, DistanceChart, KvChart, ChartCount };

signals:
    void headPicked(int block, int head);
    void positionPicked(qint64 query, qint64 key);

private:
    QWidget *makeTable();
    QWidget *makeLines();
    QWidget *makePage(const QString &caption, QWidget *control, Chart chart);
    void refreshCharts();
    void refreshLines();
    void refreshPicture();
    void followTable();

    std::shared_ptr<const AttentionSurvey> m_survey;
    std::shared_ptr<const AttentionMapContent> m_map;
    AttentionMapChoice m_choice{-1, -1};
    AttentionVariant m_variant = AttentionVariant::Float;
    std::int64_t m_query = 0, m_key = 0;
    HeadTableModel *m_heads;
    QSortFilterProxyModel *m_sorted;
    QTableView *m_table;
    std::vector<LineChart *> m_charts;
    QSpinBox *m_queryBox, *m_keyBox;
    QComboBox *m_normalization, *m_kv;
    QLabel *m_saliencyNote;
    PictureOverlay *m_picture;
    QLabel *m_noPicture;
    bool m_following = false; ///< the table is being told, it does not tell
};

} // namespace qs::views
