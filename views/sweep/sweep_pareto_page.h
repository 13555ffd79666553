#pragma once

#include "views/sweep/sweep_scatter.h"

class QComboBox;

namespace qs::views {

/// The chart of a sweep with the choices of what it shows.
class SweepParetoPage final : public QWidget {
    Q_OBJECT
public:
    SweepParetoPage();

    void setResults(std::shared_ptr<const SweepResults> results);
    /// Shows the chart that the record is in, and rings it; -1 none.
    void setCurrent(int record);
    SweepScatter &scatter() { return *m_scatter; }

signals:
    void recordClicked(int record);

private:
    void fillModels();
    void fillFigures();
    void fillActivations();
    void showChart();
    void modelChosen();

    std::shared_ptr<const SweepResults> m_results;
    QComboBox *m_model, *m_figure, *m_activations;
    SweepScatter *m_scatter;
};

} // namespace qs::views
