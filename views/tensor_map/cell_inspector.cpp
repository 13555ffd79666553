#include "views/tensor_map/cell_inspector.h"

#include "views/shared/flow_layout.h"
#include "views/shared/table_tools.h"

#include <QHeaderView>
#include <QLabel>
#include <QSpinBox>
#include <QTableWidget>
#include <QVBoxLayout>
#include <limits>

namespace qs::views {

CellInspector::CellInspector(QWidget *parent)
    : QWidget(parent), m_row(new QSpinBox), m_col(new QSpinBox), m_message(new QLabel),
      m_table(new QTableWidget(0, 2)) {
    for (QSpinBox *box : {m_row, m_col}) {
        box->setKeyboardTracking(false);
        box->setSpecialValueText(QStringLiteral("–")); // nothing is picked
        connect(box, &QSpinBox::valueChanged, this, [this] {
            if (m_row->value() >= 0 && m_col->value() >= 0)
                emit picked(m_row->value(), m_col->value());
        });
    }
    m_row->setToolTip(tr("Output channel: row of the weight matrix"));
    m_col->setToolTip(tr("Input: column of the weight matrix"));
    m_message->setWordWrap(true);
    m_message->setMargin(8);
    m_message->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_message->setForegroundRole(QPalette::PlaceholderText);
    m_table->setHorizontalHeaderLabels({tr("name"), tr("value")});
    m_table->setAccessibleName(tr("Facts about the picked weight"));
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_table->verticalHeader()->setDefaultSectionSize(m_table->fontMetrics().height() + 5);
    m_table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setAlternatingRowColors(true);
    m_table->setShowGrid(false);
    // One that comes and goes would change the width while rows are fitted to it.
    m_table->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
    connect(m_table->horizontalHeader(), &QHeaderView::sectionResized, this, &CellInspector::fitRows);
    addCopyActions(*m_table, Qt::DisplayRole);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);

    auto *place = new QWidget;
    auto *flow = new FlowLayout(place);
    flow->addPair(tr("Row"), m_row);
    flow->addPair(tr("Column"), m_col);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(place);
    layout->addWidget(m_message, 1);
    layout->addWidget(m_table, 1);
    clear();
}

void CellInspector::clear() {
    setPlace(-1, -1);
    setMessage(tr("Click a cell, or type its row and column."));
}

void CellInspector::setSize(std::int64_t rows, std::int64_t cols) {
    const QSignalBlocker rowBlocker(m_row), colBlocker(m_col);
    const auto last = [](std::int64_t count) {
        return static_cast<int>(std::min<std::int64_t>(count - 1, std::numeric_limits<int>::max()));
    };
    m_row->setRange(-1, last(rows));
    m_col->setRange(-1, last(cols));
}

void CellInspector::setPlace(std::int64_t row, std::int64_t col) {
    const QSignalBlocker rowBlocker(m_row), colBlocker(m_col);
    m_row->setValue(static_cast<int>(row));
    m_col->setValue(static_cast<int>(col));
}

void CellInspector::setFacts(const std::vector<CellFact> &facts) {
    m_message->hide();
    m_table->show();
    m_table->setRowCount(static_cast<int>(facts.size()));
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const CellFact &fact = facts[static_cast<std::size_t>(row)];
        const QString tip = QString::fromStdString(fact.explanation);
        for (const auto &[column, text] : {std::pair{0, &fact.name}, std::pair{1, &fact.value}}) {
            auto *item = new QTableWidgetItem(QString::fromStdString(*text));
            // Bytes and codes of a block are longer than the column.
            item->setToolTip(column == 0 ? tip
                                         : QString::fromStdString(*text) + (tip.isEmpty() ? "" : "\n") + tip);
            m_table->setItem(row, column, item);
        }
    }
    fitRows();
}

void CellInspector::fitRows() {
    constexpr int kMargins = 10;
    const int width = m_table->columnWidth(1) - kMargins;
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const QTableWidgetItem *value = m_table->item(row, 1);
        if (value && m_table->fontMetrics().horizontalAdvance(value->text()) > width)
            m_table->resizeRowToContents(row);
        else
            m_table->setRowHeight(row, m_table->verticalHeader()->defaultSectionSize());
    }
}

void CellInspector::setMessage(const QString &text) {
    m_table->hide();
    m_table->setRowCount(0);
    m_message->setText(text);
    m_message->show();
}

} // namespace qs::views
