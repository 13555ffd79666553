#pragma once

#include "views/number_line/number_line_values.h"
#include "views/shared/view_dock.h"

class QLabel;
class QSplitter;
class QStackedWidget;
class QTableView;

namespace qs::views {

class FormatTableModel;
class NumberLineChart;
class NumberLineControls;

/// Number formats over the values of the selected layer: code points, clip ranges and errors, live.
class NumberLineDock : public ViewDock {
    Q_OBJECT
public:
    explicit NumberLineDock(WorkbenchContext &context);

    NumberLineChart &chart() { return *m_chart; }
    NumberLineControls &controls() { return *m_controls; }
    std::shared_ptr<const NumberLineTable> table() const { return m_table; }
    QString badge() const;

protected:
    void modelChanged() override { load(); }
    void selectionChanged() override { load(); }
    void runChanged() override { load(); }
    void resizeEvent(QResizeEvent *event) override;

private:
    /// A format that the user chose. What is wished for may take a job to find.
    struct ChosenFormat {
        const NumberFormat *format = nullptr;
        ClipChoice wished;
        bool pending = false; ///< `shown` is still that of before
        ClipChoice shown;
        ValueRange clip;
    };
    QWidget *makeResults();
    void connectParts();
    NumberLineRequest request() const;
    void load();
    void adopt(std::shared_ptr<const NumberLineValues> values);
    void showNothing(const QString &why);

    void addFormat(const NumberFormat *format);
    void removeCurrent();
    void setCurrent(int row);
    void wishChoice(const ClipChoice &choice);
    void wishClip(int row, double lo, double hi);
    void applyToRecipe();
    QString whyNotApply() const;

    void findRanges(); ///< at once where that is quick, else by a job
    void adoptRanges(const std::vector<ValueRange> &ranges);
    void refreshTable();
    void addOwnGrid(std::vector<NumberLineRow> &rows);
    void updateNotes();
    /// Index into m_formats of a row of the table; -1 for the layer's own grid.
    int formatOf(int row) const { return row - (m_hasOwnGrid ? 1 : 0); }

    NumberLineControls *m_controls;
    QStackedWidget *m_pages;
    QSplitter *m_splitter;
    QLabel *m_message, *m_title, *m_notes;
    NumberLineChart *m_chart;
    QTableView *m_view;
    FormatTableModel *m_model;
    NumberLineRequest m_wanted;
    std::shared_ptr<const NumberLineValues> m_values;
    std::shared_ptr<const NumberLineTable> m_table;
    std::vector<ChosenFormat> m_formats;
    int m_current = 0; ///< index into m_formats, -1 = own grid
    bool m_hasOwnGrid = false;
    QString m_ownGridNote;
};

} // namespace qs::views
