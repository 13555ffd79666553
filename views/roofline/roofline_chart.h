#pragma once

#include "core/hardware/roofline_study.h"
#include "views/plots/plot_view.h"

#include <memory>
#include <optional>

class QCPCurve;
class QCPGraph;
class QCPItemText;

namespace qs::views {

/// Operators under the roofs of a device, log-log. Colours are kinds of operators, shapes precisions, sizes
/// shares of the time; a line joins one operator's points in all precisions.
class RooflineChart : public PlotView {
    Q_OBJECT
public:
    explicit RooflineChart(QWidget *parent = nullptr);

    /// \param keepView  the same model and device as before: axes stay as the user put them
    void setStudy(std::shared_ptr<const RooflineStudy> study, bool keepView);
    /// Marks the operators of that name; empty marks none.
    void setSelected(const std::string &name);

signals:
    void operatorClicked(int precision, int index);

private:
    struct PointGraph {
        QCPGraph *graph = nullptr;
        int kind = 0; ///< of the colour; -1 = neutral
        int shape = 0, sizeStep = 0;
    };
    struct Place {
        int precision = 0, index = 0;
    };
    void addLine(const QString &name, const QVector<double> &x, const QVector<double> &y, bool verified);
    void addLabel(const QString &text, double x, double y, bool under);
    void addRoofs();
    void addPoints();
    void addLegend();
    void updateLegend(QSize size);
    void addSelection();
    QCPGraph *addGraph(const QString &name, int kind, int shape, int sizeStep);
    void applyColors(const PlotTheme &theme);
    void fitAll();
    std::optional<Place> placeAt(double x, double y) const;
    const OperatorCost &costAt(Place place) const;
    QString readOut(double x, double y) const;

    std::shared_ptr<const RooflineStudy> m_study;
    std::vector<PointGraph> m_points;
    std::vector<QCPGraph *> m_kinds; ///< entries of the legend without points
    std::vector<QCPCurve *> m_roofs;
    std::vector<QCPItemText *> m_labels;
    QCPCurve *m_selection = nullptr;
    std::string m_selected;
};

} // namespace qs::views
