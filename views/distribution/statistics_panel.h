#pragma once

#include "views/distribution/distribution_data.h"

#include <QWidget>

class QLabel;

namespace qs::views {

/// The numbers below a distribution: captions with values, wrapped like words.
class StatisticsPanel : public QWidget {
    Q_OBJECT
public:
    explicit StatisticsPanel(QWidget *parent = nullptr);
    void setData(const DistributionData &data);

private:
    enum Item {
        Count,
        Minimum,
        Maximum,
        Mean,
        Deviation,
        Kurtosis,
        Zeros,
        Outside,
        Sqnr,
        Mse,
        Clipped,
        ItemCount
    };
    void setItem(Item item, const QString &text);

    QLabel *m_values[ItemCount];
};

} // namespace qs::views
