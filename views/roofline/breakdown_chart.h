#pragma once

#include "core/figure/roofline_bars.h"
#include "views/plots/plot_view.h"

#include <memory>

class QCPAxisTickerText;
class QCPBars;
class QCPItemStraightLine;
class QCPItemText;

namespace qs::views {

/// One stacked bar per precision: time by kind of operator, or memory by what it holds.
class BreakdownChart : public PlotView {
    Q_OBJECT
public:
    enum class What { Time, Memory };
    explicit BreakdownChart(What what, QWidget *parent = nullptr);

    void setStudy(std::shared_ptr<const RooflineStudy> study);

private:
    std::vector<BarPart> partsOf(const Roofline &line) const;
    void chooseUnit();
    void addBars();
    void addTotals();
    void updateLimit();
    void applyColors(const PlotTheme &theme);
    void fitAll();
    QString readOut(double y) const;
    double usableBytes() const;

    What m_what;
    std::shared_ptr<const RooflineStudy> m_study;
    QSharedPointer<QCPAxisTickerText> m_names;
    std::vector<QCPBars *> m_bars;
    std::vector<int> m_colors; ///< of m_bars
    std::vector<QCPItemText *> m_totals;
    QCPItemStraightLine *m_limit;
    double m_unit = 1; ///< seconds or bytes per unit of the axis
    double m_largest = 0;
};

} // namespace qs::views
