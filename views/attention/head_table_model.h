#pragma once

#include "core/analysis/attention_survey.h"

#include <QAbstractTableModel>

namespace qs::views {

/// Every head of every layer in numbers; columns that need a quantized model are there only with one.
class HeadTableModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { SortRole = Qt::UserRole, BlockRole, HeadRole };
    using QAbstractTableModel::QAbstractTableModel;

    void setSurvey(std::shared_ptr<const AttentionSurvey> survey); ///< may be null
    int rowOf(int block, int head) const;                          ///< -1 when absent

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Place {
        std::size_t layer = 0, head = 0;
    };
    std::shared_ptr<const AttentionSurvey> m_survey;
    std::vector<Place> m_rows;
};

/// What a head does, in lines, for tooltips.
QString headToolTip(const AttentionSurvey &survey, std::size_t layer, std::size_t head);

} // namespace qs::views
