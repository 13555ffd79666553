#pragma once

#include "core/analysis/cell_facts.h"

#include <QWidget>

class QLabel;
class QSpinBox;
class QTableWidget;

namespace qs::views {

/// A panel with everything about one weight. Ctrl+C copies names and values as TSV; the boxes pick a weight
/// by keyboard.
class CellInspector : public QWidget {
    Q_OBJECT
public:
    explicit CellInspector(QWidget *parent = nullptr);

    /// How many rows and columns can be picked.
    void setSize(std::int64_t rows, std::int64_t cols);
    void setPlace(std::int64_t row, std::int64_t col); ///< the boxes only
    void clear();
    void setFacts(const std::vector<CellFact> &facts);
    /// A sentence instead of facts.
    void setMessage(const QString &text);
    const QTableWidget &table() const { return *m_table; }

signals:
    void picked(qint64 row, qint64 col);

private:
    /// Values that are longer than their column take several lines.
    void fitRows();

    QSpinBox *m_row, *m_col;
    QLabel *m_message;
    QTableWidget *m_table;
};

} // namespace qs::views
