#pragma once

#include "views/plots/plot_view.h"

class QCPGraph;

namespace qs::views {

/// One result: what it costs and what it gives.
struct BitsPoint {
    int id;
    QString title, remark; ///< for the read-out
    double bits, value;
    bool onFront = false;
};

/// Effective bits per weight against one figure, with the front of the results that no other beats and a ring
/// around the current one. What the points look like is up to the derived chart.
class BitsScatter : public PlotView {
    Q_OBJECT
public:
    explicit BitsScatter(QWidget *parent = nullptr);

    /// Ids on the front, by increasing bits.
    std::vector<int> front() const;
    /// Rings a result; -1 none.
    void setCurrent(int id);

signals:
    void pointClicked(int id);

protected:
    /// \param shape  of QCPScatterStyle::ScatterShape
    static QCPGraph *addPoints(QCustomPlot &plot, int shape, double size, const QString &name);
    static void paint(QCPGraph &graph, const QColor &color, bool filled);

    void setFigure(const std::string &name, const std::string &unit);
    /// Takes the points and draws the front; the caller draws the points.
    void setPoints(std::vector<BitsPoint> points);
    const std::vector<BitsPoint> &points() const { return m_points; }
    void paintFront(const PlotTheme &theme);
    /// Room right of the last point, as a share of the width.
    void setLabelRoom(double share) { m_labelRoom = share; }
    void fitAll();

private:
    void fitValues(double low, double high);
    const BitsPoint *nearest(double x, double y) const;
    QString readOut(double x, double y) const;

    QCPGraph *m_front, *m_ring;
    std::vector<BitsPoint> m_points;
    QString m_unit;
    double m_labelRoom = 0.08;
    int m_current = -1;
};

} // namespace qs::views
