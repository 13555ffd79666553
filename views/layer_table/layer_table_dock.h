#pragma once

#include "views/models/layer_table_model.h"
#include "views/shared/view_dock.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QTableView;

namespace qs::views {

/// Every layer with what is known about it: filter, sort, select, act on the selection, copy.
class LayerTableDock final : public ViewDock {
    Q_OBJECT
public:
    explicit LayerTableDock(WorkbenchContext &context, QWidget *parent = nullptr);

protected:
    void modelChanged() override;
    void selectionChanged() override;
    void runChanged() override;
    /// Keeps the name column as wide as there is room.
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    QWidget *makeToolBar();
    void setUpTable();
    void addActions();
    void applyFilter(const QString &pattern);
    void chooseMetric();
    void updateMetricChoices();
    void measureDifference();
    void updateTable();
    void updateCount();
    void fitColumns();
    void fitNameColumn();
    void selectInContext();
    void showContextMenu(const QPoint &position);
    void addRule(const QString &text, const std::function<void(LayerChoice &)> &change);

    LayerTableModel *m_model = nullptr;
    LayerTableProxy *m_proxy = nullptr;
    QTableView *m_table = nullptr;
    QLineEdit *m_filter = nullptr;
    QLabel *m_count = nullptr;
    QComboBox *m_metric = nullptr;
    QComboBox *m_bits = nullptr;
    std::shared_ptr<const std::vector<WeightChange>>
        m_changes;               ///< of a difference; grows while it is measured
    bool m_following = false;    ///< the table takes over the selection of the context
    bool m_metricChosen = false; ///< by the user; else it follows what the model's outputs allow
};

} // namespace qs::views
