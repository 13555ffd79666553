#pragma once

#include "views/shared/view_dock.h"
#include "views/tensor_map/tensor_map_source.h"

class QLabel;
class QPushButton;
class QSplitter;
class QStackedWidget;

namespace qs::views {

class CellInspector;
class HeatMapCanvas;
class SurfaceCanvas;
class TensorMapToolbar;

/// One layer's weight, codes, dequantized values or errors as a map, and magnitudes in 3-D; a click inspects
/// one weight.
class TensorMapDock : public ViewDock {
    Q_OBJECT
public:
    explicit TensorMapDock(WorkbenchContext &context);

    HeatMapCanvas &canvas() { return *m_canvas; }
    SurfaceCanvas &surface() { return *m_surface; }
    TensorMapToolbar &toolbar() { return *m_toolbar; }
    CellInspector &inspector() { return *m_inspector; }
    QString message() const; ///< shown instead of a map; empty when there is a map

protected:
    void modelChanged() override { load(); }
    void selectionChanged() override { load(); }
    void runChanged() override { load(); }
    void resizeEvent(QResizeEvent *event) override;

private:
    TensorMapRequest request() const;
    /// Starts loading when what is wanted differs from what is there; else only marks the selection.
    void load();
    void start(const TensorMapRequest &wanted);
    void showMessage(const QString &text, bool offersCalibration);
    void adopt(std::shared_ptr<const TensorMapContent> content);
    void updateColors();
    void updateSelection();
    void pick(std::int64_t row, std::int64_t column);
    void inspect(std::int64_t row, std::int64_t column);
    void connectParts();

    TensorMapToolbar *m_toolbar;
    QStackedWidget *m_pages;
    HeatMapCanvas *m_canvas;
    SurfaceCanvas *m_surface;
    CellInspector *m_inspector;
    QSplitter *m_splitter;
    QLabel *m_message, *m_summary;
    QPushButton *m_calibrate;
    TensorMapRequest m_wanted; ///< what is shown or being loaded
    std::shared_ptr<const TensorMapContent> m_content;
    /// Of the same base, to go back and forth at once; pyramids are small beside the weights.
    std::map<TensorMapRequest::Shown, std::shared_ptr<const TensorMapContent>> m_earlier;
    HeatMapPosition m_picked; ///< of the layer that is shown
    HeatMapPosition m_inspected;
};

} // namespace qs::views
